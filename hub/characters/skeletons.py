"""Texts that people take for each other: Unicode's UTS 39, with its table of confusables."""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

import msgspec

from hub.characters.visible import shows_nothing


def normal(name: str) -> str:
    """``name`` in the one form (NFKC) in which names are compared: typed differently it is the same."""
    return unicodedata.normalize("NFKC", name)


def look_alike(one: str, other: str) -> bool:
    """Whether people may take one name for the other, whatever the case of its letters. A name looks like itself."""
    return not skeletons(one).isdisjoint(skeletons(other))


@lru_cache(maxsize=4096)
def skeletons(name: str) -> frozenset[str]:
    """What is left of a name when everything is taken away that people cannot tell apart (Unicode's UTS 39).

    Two, because the case of a letter changes what it looks like: ``I`` is like ``l``, and ``i`` is not. Names that
    have one of them in common look alike.
    """
    seen = "".join(character for character in normal(name) if not shows_nothing(character))
    return frozenset({_skeleton(seen).casefold(), _skeleton(seen.casefold()).casefold()})


def _skeleton(text: str) -> str:
    prototypes = _prototypes()
    mapped = "".join(prototypes.get(character, character) for character in unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFD", mapped)


class _Like(msgspec.Struct):
    c: str


@lru_cache(maxsize=1)
def _prototypes() -> Mapping[str, str]:
    """By character: what Unicode's table of confusables puts in its place.

    The library has no skeletons, but the table, in both directions: a character has one entry, its prototype, and a
    prototype all that look like it. Read here, because imported it would stay in memory as 14 MB of dictionaries.
    """
    text = (files("confusable_homoglyphs") / "confusables.json").read_bytes()
    table: dict[str, list[str]] = {}
    for written, entries in msgspec.json.decode(text, type=dict[str, list[_Like]]).items():
        table[_bare(written)] = [_bare(entry.c) for entry in entries]
    found: dict[str, str] = {}
    for character, likes in table.items():
        if len(character) == 1 and len(likes) == 1 and _is_prototype(likes[0], character, table):
            found[character] = likes[0]
    return found


def _bare(text: str) -> str:
    # Around what is written from right to left the table has marks that are for readers of the table.
    return text.replace("\u200e", "")


def _is_prototype(one: str, of: str, table: Mapping[str, list[str]]) -> bool:
    """Of two that have nothing but each other, the longer or the smaller is the prototype."""
    return len(table.get(one, ())) != 1 or (-len(one), one) < (-len(of), of)
