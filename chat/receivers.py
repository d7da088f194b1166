"""Tells the web processes to revalidate the connections of a room whose permissions have changed."""

from typing import Any

from django.db.models.signals import m2m_changed, post_delete, post_save

from chat import channels
from chat.models import Room
from hub.access import revalidate
from hub.database import listen

#: Rooms of one name that are asked about at once; only the oldest of them can have its alias.
NAMESAKES = 10


def connect() -> None:
    """Listen for changes of rooms; called once, when the apps are ready."""
    listen(_room_saved, post_save, Room, "chat.room_saved")
    listen(_room_deleted, post_delete, Room, "chat.room_deleted")
    listen(_members_changed, m2m_changed, Room.members.through, "chat.members_changed")


def _room_saved(sender: type[Room], instance: Room, created: bool, **_: Any) -> None:
    if not created:
        revalidate(channels=[channels.of_room(instance.pk)])
    _revalidate_namesakes(instance)


def _room_deleted(sender: type[Room], instance: Room, **_: Any) -> None:
    revalidate(channels=[channels.of_room(instance.pk)])
    _revalidate_namesakes(instance)


def _revalidate_namesakes(room: Room) -> None:
    """The alias of a name is that of one of the rooms with it: which one, each process asks again.

    What is meant for a new private room must not reach the public one of its name.
    """
    namesakes = Room.objects.filter(name=room.name).exclude(pk=room.pk).order_by("is_private", "pk")
    revalidate(channels=map(channels.of_room, namesakes.values_list("pk", flat=True)[:NAMESAKES]))


def _members_changed(sender: type[Any], instance: Any, action: str, pk_set: set[int] | None, **_: Any) -> None:
    # From the room's side only: users have no accessor to their rooms.
    if action in {"post_remove", "post_clear"} and isinstance(instance, Room):
        revalidate(channels=[channels.of_room(instance.pk)])
