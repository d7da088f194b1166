"""The names of people whose model says none: read by others, told apart, and taken by nobody else.

The name of a person with a UUID is a word and 8 characters, such as "Person 3f2a-91bc", which are made of the whole
UUID: parts of it are alike where UUIDs begin with a time or end with a machine. Of 1,000 people two have the same ones
once in half a million times, and nobody chooses them, since nobody chooses a UUID. Every other id is short or may be
chosen, and is read as it is.

The word is that of the project's language (``LANGUAGE_CODE``), whoever reads it: names are stored with messages, and
one publication is for all.
"""

import hashlib
import re
from functools import lru_cache
from unicodedata import category, normalize

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from hub.characters import normal, skeletons
from hub.users.ids import has_form_of_id

_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

#: Crockford's: without letters that are taken for digits.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

#: The first character is a digit that no letter from A to Z looks like: few names have to be compared.
_FIRST = "23456789"
_MAY_LOOK_MADE = re.compile(rf"[{_FIRST}#]|[^\x00-\x7f]")

#: What comes after it is shown from its end: nobody can say what such a name looks like.
_REVERSED = "\u202e"

#: A sign for numbers, and what stands behind it, among signs that are easily overlooked.
_NUMBERED = re.compile(r"\W*[#♯]\W*(.*?)\W*", re.DOTALL)
_MARKS = frozenset({"Mn", "Me"})

#: How a skeleton has digits.
_DIGITS = str.maketrans("lo", "10")

#: A code as :func:`hub.characters.skeletons` leaves it, where an "m" is two letters.
_CODE = rf"[{_FIRST}]\w{{7,14}}"


def code_of(known: str) -> str:
    """What people read and say of the id ``known``: 8 characters of a UUID, and every other id as it is."""
    if not _UUID.fullmatch(known):
        return known
    number = int.from_bytes(hashlib.blake2b(known.encode(), digest_size=8).digest())
    number, first = divmod(number, len(_FIRST))
    rest = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(7))
    return f"{_FIRST[first]}{rest[:3]}-{rest[3:]}"


def made_name(known: str) -> str:
    """What others read of a person with the id ``known`` and no name."""
    code = code_of(known)
    return f"#{known}" if code == known else _form(settings.LANGUAGE_CODE) % {"code": code}


def looks_made(name: str) -> bool:
    """Whether people may take ``name`` for one that :func:`made_name` makes, of whomever."""
    if not _MAY_LOOK_MADE.search(name):
        return False
    return _REVERSED in name or _is_numbered(name) or _has_form(name, settings.LANGUAGE_CODE)


def _is_numbered(name: str) -> bool:
    """Whether it looks like an id behind a sign for numbers."""
    if not name.isascii():
        name = normal("".join(one for one in normalize("NFD", name) if category(one) not in _MARKS))
    for seen in (name, *skeletons(name)):
        found = _NUMBERED.fullmatch(seen)
        if found is not None and (has_form_of_id(found[1]) or has_form_of_id(found[1].translate(_DIGITS))):
            return True
    return False


@lru_cache(maxsize=4096)  # in most scripts every name gets here, and people connect again and again
def _has_form(name: str, language: str) -> bool:
    pattern = _pattern(language)
    return any(pattern.fullmatch(_letters(skeleton)) for skeleton in skeletons(name))


@lru_cache(maxsize=8)
def _form(language: str) -> str:
    with translation.override(language):
        # Translators: the name of somebody who has none, as everybody reads it; the code is like 3f2a-91bc.
        return gettext("Person %(code)s")


@lru_cache(maxsize=8)
def _pattern(language: str) -> re.Pattern[str]:
    parts = (map(_letters, skeletons(part)) for part in _form(language).split("%(code)s"))
    return re.compile(_CODE.join(f"(?:{'|'.join(map(re.escape, part))})" for part in parts))


def _letters(text: str) -> str:
    """Without spaces, signs and marks, which are easily overlooked."""
    return re.sub(r"[\W_]+", "", text)
