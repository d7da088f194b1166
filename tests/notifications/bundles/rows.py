"""Comments of which several are one row, and what somebody sees of them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from hub.users import user_id
from notifications import notify
from notifications.inbox import queries
from notifications.inbox.organizing import archive, mark_all_read, mark_read, snooze
from notifications.models import Notification
from tests.support.people import User


def say(to: Any, who: str, photo: str = "cat", **more: Any) -> Notification:
    (row,) = notify(to=to, kind="photo.comment", params={"who": who, "photo": photo}, **more)
    return row


def of(user: User) -> str:
    """The channel of a person."""
    return f"user:{user_id(user)}"


def shown(user: User) -> list[tuple[str, int, bool]]:
    """The inbox: what each row says, how many it stands for, and whether it is read."""
    return [(row.message, row.bundle_count, row.read) for row in queries.latest_for(user)]


def put(user: User, row: Notification, place: str) -> None:
    match place:
        case "read":
            mark_read(user=user, ids=[row.pk])
        case "all read":
            mark_all_read(user=user, upto=row.pk)
        case "archived":
            archive(user=user, ids=[row.pk])
        case "snoozed":
            snooze(user=user, ids=[row.pk], until=timezone.now() + timedelta(hours=1))
