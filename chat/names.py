"""What a room may be called."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

LIMIT = 64

#: Unicode's letters, the marks that belong to letters in many scripts, and digits (general categories).
_ALLOWED = ("L", "M", "Nd")


def normal(name: str) -> str:
    """The one form in which a name is stored and looked up: the same letters typed differently are one room."""
    return unicodedata.normalize("NFC", name.strip())


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
