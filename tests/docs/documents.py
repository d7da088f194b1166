"""Reading the documents: their code blocks, tables and links."""

import re
from pathlib import Path
from typing import NamedTuple

from lab.harness.environment import BASE_DIR

DOCUMENTS = sorted([*BASE_DIR.glob("*.md"), *(BASE_DIR / "docs").rglob("*.md")])

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^## (\d+)\. .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_CODE_SPAN = re.compile(r"`[^`\n]+`")


def name_of(document: Path) -> str:
    """As people call it: the path below the project."""
    return document.relative_to(BASE_DIR).as_posix()


def text_of(name: str) -> str:
    return (BASE_DIR / name).read_text()


def blocks(name: str, language: str) -> list[str]:
    """The contents of the document's code blocks in ``language``, without the indentation of a list."""
    return [code for kind, code in _blocks_in(text_of(name)) if kind == language]


class Step(NamedTuple):
    """A code block below a numbered heading."""

    number: int
    language: str
    code: str


def steps(name: str) -> list[Step]:
    """The code blocks below the document's numbered headings, in the order in which they are read."""
    found = _STEP.finditer(text_of(name))
    return [Step(int(step[1]), *block) for step in found for block in _blocks_in(step[0])]


def _blocks_in(text: str) -> list[tuple[str, str]]:
    found = _BLOCK.findall(text)
    return [(kind, re.sub(f"^{indent}", "", code, flags=re.MULTILINE)) for indent, kind, code in found]


def block(name: str, begins: str, language: str = "python") -> str:
    """The one code block of the document whose first line is the comment ``begins``."""
    (found,) = [code for code in blocks(name, language) if code.splitlines()[0] in (f"# {begins}", f"// {begins}")]
    return found


def prose(name: str) -> str:
    """The document without its code blocks."""
    return _BLOCK.sub("", text_of(name))


def code_spans(name: str) -> list[str]:
    """What the document's prose has between backticks."""
    return [span.strip("`") for span in _CODE_SPAN.findall(prose(name))]


def table(name: str, *header: str) -> list[list[str]]:
    """The rows of the document's tables whose first columns are ``header``, cell by cell."""
    rows: list[list[str]] = []
    inside = False
    for line in prose(name).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif tuple(cells[: len(header)]) == header:
            inside = True
        elif inside and not set(cells[0]) <= set(":- "):
            rows.append(cells)
    assert rows, f"{name} has no table with the columns {header}"
    return rows


def anchors(name: str) -> set[str]:
    """What can stand after ``#`` in a link to the document, as GitHub makes it from headings."""
    headings = re.findall(r"^#+ (.+)$", prose(name), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
