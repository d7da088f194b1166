"""RPC methods for client connections: list alerts, mark them read, follow topics."""

from typing import Annotated

import msgspec
from django.utils.translation import gettext as _
from msgspec import Meta

from hub.channels import LAST_ID
from hub.session import Nothing, RpcCall, RpcError, StreamPosition, rpc
from hub.users import User
from hub.validation import message_in
from notifications import actions, events, following, queries
from notifications.models import NAME_LIMIT, Topic

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


class ListTopics(msgspec.Struct):
    """All topics that the caller may know of."""


class TopicName(msgspec.Struct):
    """One topic."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_LIMIT)]


class AlertPage(msgspec.Struct):
    """Alerts, newest first. ``more``: there are older ones. ``positions``, by channel, were read before them."""

    items: list[events.ListedAlert]
    unread: int
    more: bool
    positions: dict[str, StreamPosition]


class Unread(msgspec.Struct):
    """How many alerts the caller has not read, counted to 100."""

    unread: int


class DescribedTopic(msgspec.Struct):
    """A topic. ``open``: the caller may follow and leave it; ``followed``: its alerts are among the caller's."""

    name: str
    title: str
    description: str
    open: bool
    followed: bool


class TopicList(msgspec.Struct):
    """Topics, by title."""

    items: list[DescribedTopic]


@rpc("alerts.list")
def list_alerts(call: RpcCall, params: ListAlerts) -> AlertPage:
    """The newest first; ``positions`` are those to go on live from."""
    page = queries.page_for(call.user, before=params.before, limit=params.limit)
    return AlertPage(
        items=[events.listed(alert) for alert in page.alerts],
        unread=page.unread,
        more=page.more,
        positions={name: StreamPosition(at.epoch, at.offset) for name, at in page.positions.items()},
    )


@rpc("alerts.mark_read")
def mark_read(call: RpcCall, params: MarkRead) -> Unread:
    """What is not for the caller, or read already, is left out."""
    return Unread(actions.mark_read(user=_user(call), ids=params.ids))


@rpc("alerts.mark_all_read")
def mark_all_read(call: RpcCall, params: MarkAllRead) -> Unread:
    """Alerts that the caller has not seen yet, because they are newer, stay unread."""
    return Unread(actions.mark_all_read(user=_user(call), upto=params.upto))


@rpc("alerts.broadcast")
def broadcast(call: RpcCall, params: Broadcast) -> Nothing:
    """For those whom ``HUB_CLIENT_BROADCAST`` lets; stored when it is answered."""
    message = message_in({"message": params.message})
    actions.broadcast_from_client(user=call.user, message=message, key=params.key)
    return Nothing()


@rpc("topics.list")
def list_topics(call: RpcCall, params: ListTopics) -> TopicList:
    """Open ones, and closed ones that the caller was put on; by title."""
    return TopicList([_described(topic) for topic in queries.topics_for(call.user)])


@rpc("topics.follow")
def follow(call: RpcCall, params: TopicName) -> DescribedTopic:
    """The caller gets the alerts of an open topic, on all connections; repeating it is harmless."""
    return _described(following.follow(user=_follower(call), name=params.name))


@rpc("topics.unfollow")
def unfollow(call: RpcCall, params: TopicName) -> DescribedTopic:
    """The caller gets no more alerts of an open topic; repeating it is harmless."""
    return _described(following.unfollow(user=_follower(call), name=params.name))


def _described(topic: Topic) -> DescribedTopic:
    return DescribedTopic(
        name=topic.name,
        title=topic.title,
        description=topic.description,
        open=topic.is_open,
        followed=topic.followed,
    )


def _user(call: RpcCall) -> User:
    if not isinstance(call.user, User):
        raise RpcError(401, _("Log in to mark alerts as read"))
    return call.user


def _follower(call: RpcCall) -> User:
    if not isinstance(call.user, User):
        raise RpcError(401, _("Log in to follow topics"))
    return call.user
