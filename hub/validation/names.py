"""Names that people choose: each can be seen, none is one that the hub speaks under, none looks like another.

Used for usernames, rooms and topics, at every place where one is made. What a kind of name may consist of besides,
such as no spaces, is for its owner to say. Names that exist already are never looked at: their owners keep them.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files

import msgspec
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hub.validation.text import is_visible, shows_nothing

#: The hub speaks under these, or addresses people by them: nobody is called so.
RESERVED = frozenset({"system", "everyone", "hub"})

#: People take whoever is called so for the hub's: only its administrators give these names.
OFFICIAL = frozenset(
    {
        "admin",
        "administrator",
        "root",
        "superuser",
        "staff",
        "moderator",
        "support",
        "security",
        "operator",
        "official",
    }
)


def normal(name: str) -> str:
    """``name`` in the one form (NFKC) in which names are compared: typed differently it is the same."""
    return unicodedata.normalize("NFKC", name)


def validate(name: str, *, official: bool = False, reserved: Iterable[str] = (), taken: Iterable[str] = ()) -> None:
    """Accept a name that somebody wants to give.

    Args:
        name: in any form.
        official: whether it may be one of :data:`OFFICIAL`.
        reserved: names of this kind that are reserved besides.
        taken: names that it must not look like.

    Raises:
        django.core.exceptions.ValidationError: with a sentence for people, and the code ``invisible``, ``reserved`` or
            ``lookalike``.
    """
    if not is_visible(name) or any(map(shows_nothing, name)):
        raise ValidationError(_("This name has characters that cannot be seen."), code="invisible")
    if is_reserved(name, official=official) or any(look_alike(name, other) for other in reserved):
        raise ValidationError(_("This name is reserved. Please choose another one."), code="reserved")
    if any(look_alike(name, other) for other in taken):
        raise ValidationError(_("This name looks like another one. Please choose a different one."), code="lookalike")


def is_reserved(name: str, *, official: bool = False) -> bool:
    """Whether ``name`` is, or looks like, one of :data:`RESERVED` or, unless ``official``, of :data:`OFFICIAL`."""
    return not skeletons(name).isdisjoint(_skeletons_of(RESERVED if official else RESERVED | OFFICIAL))


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


@lru_cache(maxsize=4)
def _skeletons_of(names: frozenset[str]) -> frozenset[str]:
    return frozenset(skeleton for name in names for skeleton in skeletons(name))


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
