"""A room that becomes private: what everybody was told of it is taken back."""

from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.signals import post_save
from django.urls import reverse

from chat.models import Room
from hub.database.signals import listen
from notifications.models import Notification
from notifications.withdrawing import withdraw
from worker.alerts import room_opened_key


def connect() -> None:
    """Listen for rooms that become private; called once, when the apps are ready."""
    listen(_room_saved, post_save, Room, "worker.room_saved")


def _room_saved(sender: type[Room], instance: Room, **_: Any) -> None:
    if instance.is_private:
        withdraw(_alerts_about(instance))


def _alerts_about(room: Room) -> QuerySet[Notification]:
    """The hub's own alert that the room is open, and others that lead many people to it."""
    about = Q(key=room_opened_key(room))
    # The bare name is the address of a public room; where there is one by now, alerts with it are about that one.
    if not Room.objects.filter(name=room.name, is_private=False).exists():
        about |= Q(user=None, url=reverse("hub:chat:room", args=[room.name]))
    return Notification.objects.filter(about)
