"""What a room's name may consist of, and what it is in an address. See :mod:`chat.naming` for the rest."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

LIMIT = 64

#: What people are told of a room that is not there, and of one that is not for them.
NO_SUCH_ROOM = _("There is no such room.")

#: Unicode's letters, the marks that belong to letters in many scripts, and digits (general categories).
_ALLOWED = ("L", "M", "Nd")

#: Between the name and the id of a private room in its address; in no name.
_BEFORE_ID = "~"

#: Digits of an id.
_ID_LIMIT = 18


def with_id(name: str, room_id: int) -> str:
    """The address of a room whose name may be that of others too."""
    return f"{name}{_BEFORE_ID}{room_id}"


def without_id(address: str) -> tuple[str, int | None]:
    """The name in an address, and the id where it has one."""
    name, tilde, digits = address.rpartition(_BEFORE_ID)
    if tilde and digits.isascii() and digits.isdigit() and len(digits) <= _ID_LIMIT:
        return name, int(digits)
    return address, None


def forms(name: str) -> tuple[str, str]:
    """The forms in which a name may be stored: that of earlier versions of the hub, and :func:`normal`."""
    return unicodedata.normalize("NFC", name.strip()), normal(name)


def normal(name: str) -> str:
    """The one form in which a new name is stored: the same letters typed differently are one room."""
    return unicodedata.normalize("NFKC", name).strip()


def validate(name: str) -> None:
    """Accept letters of any script, digits, ``_`` and ``-``, 1 to 64 characters.

    Raises:
        django.core.exceptions.ValidationError: with a sentence for people.
    """
    fits = 1 <= len(name) <= LIMIT and not unicodedata.category(name[0]).startswith("M")
    if not fits or not all(c in "_-" or unicodedata.category(c).startswith(_ALLOWED) for c in name):
        raise ValidationError(
            _("A room name has 1 to 64 letters, digits, hyphens or underscores, and no spaces."), code="bad_room_name"
        )
