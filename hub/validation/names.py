"""Names that people choose: each can be seen, none is one that the hub speaks under, none looks like another.

Used for usernames, rooms and topics, at every place where one is made. What a kind of name may consist of besides,
such as no spaces, is for its owner to say. Names that exist already are never looked at: their owners keep them.
"""

from collections.abc import Iterable
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hub.characters import is_visible, look_alike, shows_nothing, skeletons

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


@lru_cache(maxsize=4)
def _skeletons_of(names: frozenset[str]) -> frozenset[str]:
    return frozenset(skeleton for name in names for skeleton in skeletons(name))
