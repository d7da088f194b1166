"""Which alerts a key of the HTTP API may send and take back: those on channels that it may name."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group

from hub.api import ApiCall, ApiError, all_of
from hub.users import User, ids_of_keys, user_id
from notifications import channels
from notifications.models import Notification, Topic
from notifications.sending.alerting import Found
from notifications.sending.named_audiences import Audience, Listed


def require(call: ApiCall[Any], to: Iterable[Found | Listed]) -> None:
    """Raise ``ApiError`` where the key of the call may not send to all of these recipients."""
    for recipient in to:
        if isinstance(recipient, Audience):
            all_of(call, channels.USER)
        elif isinstance(recipient, Listed):
            for known in ids_of_keys(recipient.keys).values():
                call.user(known)
        elif isinstance(recipient, User):
            call.user(user_id(recipient))
        elif isinstance(recipient, Topic):
            call.channel(channels.of_topic(recipient.name))
        elif isinstance(recipient, Group):
            call.channel(channels.of_group(recipient.pk))
        else:
            call.channel(channels.everyone)


def has(call: ApiCall[Any], to: Iterable[Found | Listed]) -> bool:
    """Whether the key of the call may send to all of these recipients."""
    try:
        require(call, to)
    except ApiError:
        return False
    return True


def covers(call: ApiCall[Any], row: Notification) -> bool:
    """Whether the key of the call may name the channel of this alert, which has its user and its topic."""
    if row.audience:
        return call.caller.scope.has_all_of(channels.USER)
    try:
        return call.caller.scope.has_channel(channels.of_alert(row))
    except LookupError:  # its topic is gone, and it follows
        return False
