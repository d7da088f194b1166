"""``python -m lab.settings_page`` writes ``docs/settings.md`` and ``.env.example`` from the class of the settings."""

import re
import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from hub.config import HubSettings
from hub.config.declaration import Section, django_name_of, facts_of, variable_of
from hub.config.kinds import bounds_of, in_words, plain
from hub.config.reading import kind_of
from lab.harness.environment import BASE_DIR

PAGE, EXAMPLE = BASE_DIR / "docs/settings.md", BASE_DIR / ".env.example"

WIDTH = 119

_PAGE_HEAD = """\
# Settings

This page has every variable that the hub reads. In development the hub starts without any. Each variable may also give
the path of a file that holds the value (`SECRET_KEY_FILE=/run/hub/secret_key`), and an empty one counts as not set. A
wrong value stops the start, with a sentence for each. The start and `manage.py check` name each `HUB_…` that is none
of these: the hub ignores it.

The defaults are those of production; where development has another one, the table says so. In Django's settings a
setting has the same name, unless the table names another. [limits.md](limits.md) explains the limits.

`make settings` writes this page and `.env.example` from `hub/config/typed_settings.py`, `hub/config/engine.py` and
`hub/config/installation.py`; change those, not the page.
"""

_EXAMPLE_HEAD = """\
# Every variable that the hub reads, with its default or an example. In development the hub starts without any.
# `make settings` writes this file from the class `hub.config.HubSettings`; docs/settings.md has the same as a table.
#
# `docker compose` reads `.env` by itself. On the machine itself, put the variables into the environment:
#     cp .env.example .env; set -a; . ./.env; set +a; make run
# Each may also give the path of a file that holds the value: SECRET_KEY_FILE=/run/hub/secret_key.
# The start, and `manage.py check`, name each HUB_… that is none of these: the hub ignores it.
"""


def page() -> str:
    """``docs/settings.md`` as it should be."""
    return _PAGE_HEAD + "".join(_page_section(section, settings) for section, settings in _sections())


def example() -> str:
    """``.env.example`` as it should be."""
    return _EXAMPLE_HEAD + "".join(_example_section(section, settings) for section, settings in _sections())


def unsaid(setting: Field[Any]) -> Iterator[str]:
    """The facts that a setting must say about itself, and does not."""
    facts, is_number = facts_of(setting), _is_number(setting)
    if not facts.about.endswith(".") or not facts.about[0].isupper():
        yield "about, in sentences"
    if not facts.unless or facts.unless.endswith("."):
        yield "unless, as the end of a sentence"
    if is_number != bool(facts.unit):
        yield "unit, where it is a number"
    if is_number and _takes_zero(setting) != bool(facts.zero):
        yield "zero, where the range has it"
    if not is_number and _default(setting) in _EMPTY and not facts.zero and not facts.default:
        yield "zero, where the default is empty"
    if _default(setting) in _EMPTY and not facts.example and not facts.secret:
        yield "example, where the default is empty"


_EMPTY: tuple[Any, ...] = ("", (), {})


def _sections() -> Iterator[tuple[Section, list[Field[Any]]]]:
    for section, settings in groupby(fields(HubSettings), key=lambda setting: facts_of(setting).section):
        yield section, list(settings)


def _page_section(section: Section, settings: list[Field[Any]]) -> str:
    rows = "".join(_row(setting) for setting in settings)
    about = "".join(f"{paragraph}\n\n" for paragraph in _about(section))
    return (
        f"\n## {section.title}\n\n{about}| setting | takes | default | what it does, and when to change it |\n"
        f"|---|---|---|---|\n{rows}"
    )


def _row(setting: Field[Any]) -> str:
    facts = facts_of(setting)
    name = django_name_of(setting)
    django = [f"In Django's settings: `{name}`."] if name != variable_of(setting) else []
    alone = ["Not inside a project of others."] if facts.alone else []
    what = [facts.about, *_zero(setting), *_unless(setting), *django, *alone]
    cells = [f"`{variable_of(setting)}`", _takes(setting), _default_in_words(setting), " ".join(what)]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _example_section(section: Section, settings: list[Field[Any]]) -> str:
    title = f"# --- {section.title} "
    about = "".join(map(_comment, _about(section)))
    return f"\n{title.ljust(WIDTH, '-')}\n{about}" + "".join(map(_example, settings))


def _example(setting: Field[Any]) -> str:
    facts = facts_of(setting)
    default = [f"Default: {_default_in_words(setting)}."] if _says_its_default(setting) else []
    takes = " ".join([f"Takes {_takes(setting)}.", *_zero(setting), *default])
    value = facts.example or ("" if facts.secret else _text(_default(setting)))
    comments = "".join(map(_comment, [facts.about, takes, *_unless(setting)]))
    return f"\n{comments}#{variable_of(setting)}={_quoted(value)}\n"


def _about(section: Section) -> list[str]:
    """What holds for all settings of a section."""
    unless = [f"Leave these alone unless {section.unless}, or as the setting says."] if section.unless else []
    return [*filter(None, [section.about]), *unless]


def _unless(setting: Field[Any]) -> list[str]:
    facts = facts_of(setting)
    return [] if facts.unless == facts.section.unless else [f"Leave it alone unless {facts.unless}."]


def _comment(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False) + "\n"


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w\[\]+,:.@/-]*", value, re.ASCII) else shlex.quote(value)


def _takes(setting: Field[Any]) -> str:
    words, unit = in_words(kind_of(setting)), facts_of(setting).unit
    return f"{words}, in {unit}" if unit and unit not in words and unit != "port" else words


def _zero(setting: Field[Any]) -> list[str]:
    zero = facts_of(setting).zero
    if _is_number(setting):
        return [f"0 {zero or 'is refused'}."]
    if not zero:
        return []
    return [f"Without it the hub {zero}." if _default(setting) in _EMPTY else f"{zero}."]


def _says_its_default(setting: Field[Any]) -> bool:
    """Whether the value after the variable does not show it."""
    facts = facts_of(setting)
    is_shown = not facts.example or _default(setting) in _EMPTY
    return bool(facts.default) or facts.development is not None or not is_shown


def _default_in_words(setting: Field[Any]) -> str:
    facts, default = facts_of(setting), _default(setting)
    if facts.default:
        return facts.default
    said = "none" if default in _EMPTY else f"`{_text(default)}`"
    return said if facts.development is None else f"{said}; in development `{_text(facts.development)}`"


def _default(setting: Field[Any]) -> Any:
    return setting.default if setting.default_factory is MISSING else setting.default_factory()


def _text(value: Any) -> str:
    """A value as a variable says it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(value)
    return "" if isinstance(value, Mapping) else str(value)


def _is_number(setting: Field[Any]) -> bool:
    return plain(kind_of(setting)) in {int, float}


def _takes_zero(setting: Field[Any]) -> bool:
    bounds = bounds_of(kind_of(setting))
    return bounds is None or (bounds.gt is None and (bounds.ge or 0) <= 0)


def write(path: Path, text: str) -> None:
    """Write ``text`` where the file says something else."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main() -> None:
    """Write both files."""
    write(PAGE, page())
    write(EXAMPLE, example())


if __name__ == "__main__":
    main()
