"""A room that becomes private: what everybody was told of it is taken back."""

from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.signals import post_save
from django.urls import reverse

from chat.models import Room
from hub.signals import listen
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
    address = reverse("chat:room", args=[room.name])
    return Notification.objects.filter(Q(key=room_opened_key(room)) | Q(user=None, url=address))
