"""Which names are free for a room."""

from collections.abc import Iterable
from typing import Any

from django.db.models.signals import post_delete, post_save

from chat import names
from chat.models import Room
from hub.database import listen
from hub.validation import known_names, validate_name


def _everyone() -> Iterable[tuple[object, str]]:
    return Room.objects.values_list("pk", "name").iterator()


ROOMS = known_names("room", _everyone)


def validate(name: str, *, room_id: int | None = None, is_private: bool = False) -> None:
    """Accept ``name``, which is in the form of :func:`chat.names.normal`, for a new room, or for that one.

    Names of private rooms are not looked at: they are nobody's business.

    Raises:
        django.core.exceptions.ValidationError: with a sentence for people.
    """
    names.validate(name)
    validate_name(name, official=True)
    if not is_private:
        alike = [owner for owner in ROOMS.owners_like(name) if owner != str(room_id)]
        # One of exactly this name is said to be there: it is, for all to see.
        others = Room.objects.filter(pk__in=alike, is_private=False).exclude(name=name)
        taken = others.values_list("name", flat=True)
        validate_name(name, official=True, taken=taken)


def connect() -> None:
    """Listen for rooms that get a name; called once, when the apps are ready."""
    listen(_room_saved, post_save, Room, "chat.room_named")
    listen(_room_deleted, post_delete, Room, "chat.room_forgotten")


def _room_saved(sender: type[Room], instance: Room, **_: Any) -> None:
    ROOMS.remember(instance.pk, instance.name)


def _room_deleted(sender: type[Room], instance: Room, **_: Any) -> None:
    ROOMS.forget(instance.pk)
