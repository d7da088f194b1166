"""Follows a document as a reader does: types its commands, and writes its code into the files that it names."""

import re
from collections.abc import Callable, Container, Mapping
from pathlib import Path

from tests.docs.documents import steps

#: What a block of code or markup begins with: a comment with the name of a file, and perhaps with where in it.
_NAMED = re.compile(r"(?:#|//|<!--) (?P<name>[\w./-]+)[^\n]*\n(?P<rest>.*)", re.DOTALL)

#: ``<head>… {% hub_scripts %}</head>``: at the end of what the element has.
_INTO_ELEMENT = re.compile(r"<(?P<element>\w+)>… (?P<what>.+)</(?P=element)>")

#: Commands that stay in the foreground until somebody ends them.
_STAYS = ("python -m hub.server", ".venv/bin/python -m django up")


def command_that_stays(page: str) -> str:
    """The one command of the page's numbered steps that runs until somebody ends it."""
    (found,) = [step.code for step in steps(page) if step.language == "sh" and step.code.startswith(_STAYS)]
    return found.partition("#")[0].strip()


def follow(
    page: str,
    folder: Path,
    run: Callable[[str], None],
    *,
    places: Mapping[str, str] = {},
    written: Mapping[str, str] = {},
    numbers: Container[int] = range(100),
) -> None:
    """Do in ``folder`` what the page's numbered steps show, one after the other.

    Args:
        run: runs a command of a shell, and fails if it does.
        places: where a file is, in this project, that the page calls otherwise.
        written: what a reader writes in place of what the page has, such as an address.
        numbers: of the steps to do.
    """
    for number, kind, shown in steps(page):
        if number not in numbers:
            continue
        code = _replaced(shown, written)
        if kind == "sh":
            if not code.startswith(_STAYS):
                run(code)
            continue
        named = _NAMED.fullmatch(code)
        assert named, f"{page} does not say which file this is for:\n{code}"
        path = folder / places.get(named["name"], named["name"])
        if kind == "html":
            path.write_text(_merged(path.read_text(), named["rest"]))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(f"\n{code}")


def _replaced(code: str, written: Mapping[str, str]) -> str:
    for shown, theirs in written.items():
        code = code.replace(shown, theirs)
    return code


def _merged(template: str, shown: str) -> str:
    """The template with the shown lines: inside the elements that they name, or else above all."""
    for line in reversed(shown.splitlines()):
        found = _INTO_ELEMENT.fullmatch(line)
        if not found:
            template = f"{line}\n{template}"
            continue
        end = f"</{found['element']}>"
        assert template.count(end) == 1, f"{end} of {line!r}"
        template = template.replace(end, f"{found['what']}{end}")
    return template
