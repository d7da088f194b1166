"""RPC methods for client connections: alerts, the inbox, topics."""

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Annotated

import msgspec
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from msgspec import Meta

from hub.channels import LAST_ID
from hub.session import Nothing, RpcCall, RpcError, StreamPosition, rpc
from hub.users import User
from hub.validation import message_in
from notifications import (
    action_choices_rpc,  # noqa: F401  # its method
    events,
    following,
    sources,
)
from notifications.inbox import bundles, organizing, queries
from notifications.kinds.declaring import declared
from notifications.models import NAME_LIMIT, Topic
from notifications.preferences import stored as preferences
from notifications.preferences.heeding import heeded_of
from notifications.preferences.messages import (
    ChangeMessage,
    OfferedMessage,
    PreferencesMessage,
    changed,
    message_of,
    offered,
)
from notifications.sending import actions

#: Alerts of one answer, at most.
PAGE_LIMIT = 50

#: Alerts that are marked at once, at most.
MARK_LIMIT = 100

#: Alerts that get another state at once, at most.
CHANGE_LIMIT = organizing.MANY

#: Characters of the code of a language.
LANGUAGE_LIMIT = 20

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


class ListInbox(msgspec.Struct):
    """A part of the caller's inbox; ``before`` goes on where another part has said ``next``.

    ``all`` are the alerts that are neither archived nor snoozed. ``text`` are words that an alert has all of.
    """

    state: queries.State = "all"
    level: events.LevelName = ""
    category: Annotated[str, Meta(max_length=queries.CATEGORY_LIMIT)] = ""
    text: Annotated[str, Meta(max_length=queries.SEARCH_LIMIT)] = ""
    before: AlertId = LAST_ID
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 20


class ListBundle(msgspec.Struct):
    """The alerts for which one alert of the caller stands; ``before`` goes on where another part has said ``next``."""

    id: AlertId
    before: AlertId = LAST_ID
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 20


class BundledAlerts(msgspec.Struct):
    """Alerts of one bundle, newest first; ``next`` is the ``before`` of the part that follows, 0 where none does."""

    items: list[events.ListedAlert]
    next: int


class CountInbox(msgspec.Struct):
    """How many alerts the caller has in each state."""


class ListCategories(msgspec.Struct):
    """In which categories alerts of the inbox can be looked for."""


class NamedCategory(msgspec.Struct):
    """A category: ``name`` for programs, ``label`` for people."""

    name: str
    label: str


class CategoryList(msgspec.Struct):
    """Categories, by label."""

    items: list[NamedCategory]


class ChangeInbox(msgspec.Struct):
    """Some alerts get another state. ``until`` is for ``snooze`` alone: a moment with its offset from UTC."""

    change: organizing.Verb
    ids: Annotated[list[AlertId], Meta(max_length=CHANGE_LIMIT)]
    until: Annotated[datetime, Meta(tz=True)] | None = None


class ChangeWholeInbox(msgspec.Struct):
    """All alerts in the inbox up to this one are marked as read, or those that are read are archived."""

    change: organizing.VerbForAll
    upto: AlertId


class Broadcast(msgspec.Struct):
    """An alert to everyone; with a ``key`` it may be sent again, and is stored once."""

    message: str
    key: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9_-]*$")] | None = None


class GetHeeded(msgspec.Struct):
    """What a client of the caller heeds."""


class GetPreferences(msgspec.Struct):
    """The preferences of the caller. ``said_in``: the language of labels and sentences, if not the connection's."""

    said_in: Annotated[str, Meta(max_length=LANGUAGE_LIMIT)] = ""


class GetOffered(GetPreferences):
    """What the caller can choose from. ``said_in`` as of ``preferences.get``."""


class ChangePreferences(ChangeMessage, kw_only=True):
    """What the caller chooses. ``said_in`` as of ``preferences.get``."""

    said_in: Annotated[str, Meta(max_length=LANGUAGE_LIMIT)] = ""


class ListTopics(msgspec.Struct):
    """All topics that the caller may know of."""


class TopicName(msgspec.Struct):
    """One topic."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_LIMIT)]


class AlertPage(msgspec.Struct):
    """Alerts, newest first. ``more``: there are older ones. ``positions``, by channel, were read before them.

    ``now`` is the time of the server, for what expires.
    """

    items: list[events.ListedAlert]
    unread: int
    more: bool
    positions: dict[str, StreamPosition]
    now: datetime


class InboxPart(msgspec.Struct):
    """Alerts, newest first. ``positions``, by channel, were read before them; ``counts`` are of the whole inbox.

    ``next`` is the ``before`` of the part that follows, 0 where none does. A search looks at 1,000 alerts at a time:
    a part may have few items, or none, and be followed by others.
    """

    items: list[events.InboxItem]
    next: int
    counts: events.InboxCounts
    positions: dict[str, StreamPosition]


class InboxChanged(msgspec.Struct):
    """These alerts are not as they were, and the inbox counts so many now. ``more``: call again for others."""

    ids: list[int]
    counts: events.InboxCounts
    more: bool


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
        now=timezone.now(),
    )


@rpc("alerts.mark_read")
def mark_read(call: RpcCall, params: MarkRead) -> Unread:
    """What is not for the caller, or read already, is left out."""
    with sources.by_device(call.device):
        return Unread(organizing.mark_read(user=_user(call), ids=params.ids).unread)


@rpc("alerts.mark_all_read")
def mark_all_read(call: RpcCall, params: MarkAllRead) -> Unread:
    """Alerts that the caller has not seen yet, because they are newer, stay unread."""
    with sources.by_device(call.device):
        return Unread(organizing.mark_all_read(user=_user(call), upto=params.upto).unread)


@rpc("inbox.list")
def list_inbox(call: RpcCall, params: ListInbox) -> InboxPart:
    """The newest first; ``positions`` are those to go on live from. Guests have what was sent to everyone."""
    part = queries.inbox_for(
        call.user,
        state=params.state,
        level=params.level,
        category=params.category,
        text=params.text,
        before=params.before,
        limit=params.limit,
    )
    return InboxPart(
        items=[events.in_inbox(alert) for alert in part.alerts],
        next=part.next,
        counts=part.counts,
        positions={name: StreamPosition(at.epoch, at.offset) for name, at in part.positions.items()},
    )


@rpc("inbox.bundle")
def list_bundle(call: RpcCall, params: ListBundle) -> BundledAlerts:
    """Each with its own texts and buttons; all are read or unread together. Empty where the caller has none of it."""
    part = bundles.bundle_for(call.user, id=params.id, before=params.before, limit=params.limit)
    return BundledAlerts([events.listed(alert) for alert in part.alerts], part.next)


@rpc("inbox.counts")
def count_inbox(call: RpcCall, params: CountInbox) -> events.InboxCounts:
    """Each counted to 100; guests have none."""
    return queries.counts_for(call.user)


@rpc("inbox.categories")
def list_categories(call: RpcCall, params: ListCategories) -> CategoryList:
    """Those of all kinds of alerts, in the language of the connection."""
    found = {kind.category.name: str(kind.category.label) for kind in declared() if kind.category is not None}
    return CategoryList([NamedCategory(*one) for one in sorted(found.items(), key=lambda one: one[1].casefold())])


@rpc("inbox.change")
def change_inbox(call: RpcCall, params: ChangeInbox) -> InboxChanged:
    """What is not for the caller, or as wanted already, is left out; repeating it is harmless."""
    with sources.by_device(call.device):
        changed = organizing.change(params.change, user=_user(call), ids=params.ids, until=params.until)
    return InboxChanged(changed.ids, changed.counts, changed.more)


@rpc("inbox.change_all")
def change_whole_inbox(call: RpcCall, params: ChangeWholeInbox) -> InboxChanged:
    """``ids`` are the newest thousand; where others are to be archived, there are ``more``."""
    with sources.by_device(call.device):
        changed = organizing.change_all(params.change, user=_user(call), upto=params.upto)
    return InboxChanged(changed.ids, changed.counts, changed.more)


@rpc("alerts.broadcast")
def broadcast(call: RpcCall, params: Broadcast) -> Nothing:
    """For those whom ``HUB_CLIENT_BROADCAST`` lets; stored when it is answered."""
    message = message_in({"message": params.message})
    actions.broadcast_from_client(user=call.user, message=message, key=params.key)
    return Nothing()


@rpc("preferences.get")
def get_preferences(call: RpcCall, params: GetPreferences) -> PreferencesMessage:
    """What the caller has chosen, with the labels in their language."""
    with _said_in(params.said_in):
        return message_of(preferences.preferences_of(_chooser(call)))


@rpc("preferences.offered")
def get_offered(call: RpcCall, params: GetOffered) -> OfferedMessage:
    """The languages and time zones from which the caller may choose."""
    _chooser(call)
    with _said_in(params.said_in):
        return offered()


@rpc("preferences.change")
def change_preferences(call: RpcCall, params: ChangePreferences) -> PreferencesMessage:
    """All of it or nothing; what is left out stays."""
    with _said_in(params.said_in):
        return changed(_chooser(call), params)


@rpc("preferences.heeded")
def get_heeded(call: RpcCall, params: GetHeeded) -> events.HeededChoices:
    """What a client leaves out and does not let interrupt; ``notifications.preferences_changed`` has the same."""
    return heeded_of(_chooser(call))


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


def _said_in(language: str) -> AbstractContextManager[None]:
    """Around what is answered in a language of the page, where the hub has it."""
    try:
        return translation.override(translation.get_supported_language_variant(language))
    except LookupError:
        return nullcontext()


def _user(call: RpcCall) -> User:
    if not isinstance(call.user, User):
        raise RpcError(401, _("Log in to change your alerts"))
    return call.user


def _chooser(call: RpcCall) -> User:
    if not isinstance(call.user, User):
        raise RpcError(401, _("Log in to choose what you get"))
    return call.user


def _follower(call: RpcCall) -> User:
    if not isinstance(call.user, User):
        raise RpcError(401, _("Log in to follow topics"))
    return call.user
