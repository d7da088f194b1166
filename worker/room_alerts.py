"""Alerts about chat rooms, in projects that have the app ``chat``: one is open, and one has become private."""

from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.signals import post_save
from django.utils.translation import gettext as _

from chat.models import Room
from hub.config import hub_settings
from hub.database.signals import listen
from hub.web import page_url
from notifications import Alert, alert, on_save
from notifications.models import Notification
from notifications.sending.own_keys import OwnKey, own_key
from notifications.sending.withdrawing import withdraw


def connect() -> None:
    """Listen for rooms that become private; called once, when the apps are ready."""
    listen(_room_saved, post_save, Room, "worker.room_saved")


@on_save(Room, created=True)
def room_opened(room: Room) -> Alert | None:
    """A new chat room: tell everyone, if ``HUB_SHIPPED_RULES`` says so, unless it is private: nobody but its members
    may know of it.
    """
    if room.is_private or "room_opened" not in hub_settings().shipped_rules:
        return None
    return alert(
        to="everyone",
        title=_("New chat room"),
        message=_("The room %(room)s is open") % {"room": room.name},
        url=room.get_absolute_url(),
        key=room_opened_key(room),
    )


def room_opened_key(room: Room) -> OwnKey:
    """The key of the alert that a room is open."""
    return own_key("chat.room_opened:", str(room.pk))


def _room_saved(sender: type[Room], instance: Room, **_: Any) -> None:
    if instance.is_private:
        withdraw(_alerts_about(instance))


def _alerts_about(room: Room) -> QuerySet[Notification]:
    """The hub's own alert that the room is open, and others that lead many people to it."""
    about = Q(key=room_opened_key(room))
    # The bare name is the address of a public room; where there is one by now, alerts with it are about that one.
    address = page_url("hub:chat:room", room.name)
    if address and not Room.objects.filter(name=room.name, is_private=False).exists():
        about |= Q(user=None, url=address)
    return Notification.objects.filter(about)
