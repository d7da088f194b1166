"""``python -m lab.settings_page`` writes ``docs/settings.md``, the table of the settings, from their one class."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from inspect import getsource
from pathlib import Path
from typing import Any, get_type_hints

from hub.config.typed_settings import HubSettings, in_words
from lab.harness.environment import BASE_DIR

PAGE = BASE_DIR / "docs/settings.md"

_HEAD = """\
# Settings

The settings that have a unit or a choice. Each is a variable of the environment (`.env.example`), and a setting of
the same name in Django's settings. The defaults are those of production. `manage.py check` names every value that a
setting does not take. The rates are explained in [limits.md](limits.md).

`make settings` writes this page from `hub/config/typed_settings.py`; change the class, not the page.

| setting | takes | default | what it does |
|---|---|---|---|
"""


def text() -> str:
    """The page as it should be."""
    kinds, declared = get_type_hints(HubSettings, include_extras=True), {one.name: one for one in fields(HubSettings)}
    rows = [
        f"| {_lines(f'`HUB_{name.upper()}`' for name in names)} "
        f"| {'<br>'.join(dict.fromkeys(in_words(kinds[name]) for name in names))} "
        f"| {_lines(_default(declared[name]) for name in names)} | {meaning} |"
        for names, meaning in groups(getsource(HubSettings))
    ]
    return _HEAD + "".join(f"{row}\n" for row in rows)


def groups(source: str) -> Iterator[tuple[list[str], str]]:
    """The fields of the class in ``source`` that share a comment, with that comment as one line of Markdown."""
    for comment, body in re.findall(r"((?:^ {4}#:.*\n)+)((?:^ {4}\w+: .*\n)+)", source, flags=re.MULTILINE):
        meaning = " ".join(line.strip().removeprefix("#:").strip() for line in comment.splitlines())
        meaning = re.sub(r":\w+:`([^`]+)`", r"`\1`", meaning).replace("``", "`").replace("|", "\\|")
        yield re.findall(r"^ {4}(\w+):", body, flags=re.MULTILINE), meaning


def _lines(parts: Iterator[str]) -> str:
    return "<br>".join(parts)


def _default(field: Field[Any]) -> str:
    value = field.default if field.default_factory is MISSING else field.default_factory()
    if isinstance(value, Sequence | Mapping) and not value:
        return "empty"
    if isinstance(value, tuple):
        value = ",".join(value)
    return f"`{value:g}`" if isinstance(value, float) and value < 100_000 else f"`{value}`".lower()


def main(page: Path = PAGE) -> None:
    """Write the page."""
    page.write_text(text())


if __name__ == "__main__":
    main()
