"""What clients of the hub socket may ask about alerts: the list, and what has been read."""

from typing import Annotated, Any

import msgspec
from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from msgspec import Meta

from hub.connection.rpc import Call, Refused, rpc
from hub.sockets.codes import BadMessage
from hub.sockets.door import message_in
from notifications import actions, events, queries
from notifications.reading import LAST_ID

#: Alerts of one answer, at most.
PAGE_LIMIT = 50

#: Alerts that are marked at once, at most.
MARK_LIMIT = 100

AlertId = Annotated[int, Meta(ge=1, le=LAST_ID)]


class ListAlerts(msgspec.Struct):
    """A page of the caller's alerts; ``before`` goes on behind the last one of another page."""

    before: AlertId = LAST_ID
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 20


class MarkRead(msgspec.Struct):
    """Some alerts were read."""

    ids: Annotated[list[AlertId], Meta(max_length=MARK_LIMIT)]


class MarkAllRead(msgspec.Struct):
    """All alerts up to this one were read."""

    upto: AlertId


class Broadcast(msgspec.Struct):
    """An alert to everyone; with a ``key`` it may be sent again, and is stored once."""

    message: str
    key: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9_-]*$")] | None = None


@rpc("alerts.list")
def list_alerts(call: Call, params: ListAlerts) -> dict[str, Any]:
    """The newest first; ``positions`` are those to go on live from."""
    page = queries.page_for(call.user, before=params.before, limit=params.limit)
    return {
        "items": [events.listed(alert) for alert in page.alerts],
        "unread": page.unread,
        "more": page.more,
        "positions": {
            name: {"epoch": position.epoch, "offset": position.offset} for name, position in page.positions.items()
        },
    }


@rpc("alerts.mark_read")
def mark_read(call: Call, params: MarkRead) -> dict[str, int]:
    """What is not for the caller, or read already, is left out."""
    return {"unread": actions.mark_read(user=_user(call), ids=params.ids)}


@rpc("alerts.mark_all_read")
def mark_all_read(call: Call, params: MarkAllRead) -> dict[str, int]:
    """Alerts that the caller has not seen yet, because they are newer, stay unread."""
    return {"unread": actions.mark_all_read(user=_user(call), upto=params.upto)}


@rpc("alerts.broadcast")
def broadcast(call: Call, params: Broadcast) -> dict[str, Any]:
    """For those whom ``HUB_CLIENT_BROADCAST`` lets; stored when it is answered."""
    try:
        message = message_in({"message": params.message})
    except BadMessage as error:
        raise Refused(400, str(error.message)) from None
    try:
        actions.broadcast_from_client(user=call.user, message=message, key=params.key)
    except actions.MayNotBroadcast:
        raise Refused(403, _("You may not send notifications to everyone")) from None
    return {}


def _user(call: Call) -> User:
    if not isinstance(call.user, User):
        raise Refused(401, _("Log in to mark alerts as read"))
    return call.user
