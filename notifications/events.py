"""What the notifications app publishes, and how the simple endpoint shows it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from django.utils import timezone
from msgspec import UNSET, Meta, UnsetType

from hub.bus import simple_frame
from hub.streams import Envelope, cursor_of
from notifications.bundle_names import public_name
from notifications.kinds.declaring import kind_named
from notifications.models import Level, Notification, Topic


class TopicLabel(msgspec.Struct):
    """A topic as alerts name it: ``name`` for programs, ``title`` for people."""

    name: str
    title: str


class Texts(msgspec.Struct):
    """What an alert says in one language."""

    title: str
    message: str


class OfferedAction(msgspec.Struct, kw_only=True):
    """A button of an alert: with a ``url`` it leads there, else it is chosen (``alerts.choose``)."""

    name: str
    label: str
    url: str | UnsetType = UNSET
    #: ``primary`` or ``danger``.
    style: str | UnsetType = UNSET


class Bundle(msgspec.Struct):
    """For how many alerts one stands, itself among them; ``id`` stays while others join."""

    id: int
    count: int


class NotificationCreated(msgspec.Struct, tag="notifications.notification_created", kw_only=True):
    """An alert was sent. On ``everyone``, ``user:<id>``, ``group:<id>`` or ``topic:<name>``."""

    id: int
    message: str
    title: str
    level: str
    url: str
    at: datetime
    data: Any = None
    #: Only where it was sent to a topic.
    topic: TopicLabel | UnsetType = UNSET
    #: Only where it expires: from then on it is not shown any more.
    expires_at: datetime | UnsetType = UNSET
    #: These only where it is of a kind; its category and icon where that has them.
    kind: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    icon: str | UnsetType = UNSET
    #: Only where the person has chosen so: it is in the list and in the count, and nothing pops up.
    silent: bool | UnsetType = UNSET
    #: The texts in other languages, by their code, where the reader's is not known.
    texts: dict[str, Texts] | UnsetType = UNSET
    #: Only where it has buttons.
    actions: list[OfferedAction] | UnsetType = UNSET
    #: Only where it stands for others too, which ``inbox.bundle`` lists. It has no buttons then: they have.
    bundle: Bundle | UnsetType = UNSET
    #: Only where it was sent with ``group_by``: what it has in common with others of that, which are muted together.
    bundled_as: str | UnsetType = UNSET


class ListedAlert(NotificationCreated, tag="notifications.notification_created", kw_only=True):
    """An alert in a list: as it was sent, and whether the person has read it, or at least had it in view."""

    read: bool
    seen: bool
    #: The action that the person has chosen, where they have chosen one.
    chosen: str | UnsetType = UNSET


class InboxItem(ListedAlert, tag="notifications.notification_created", kw_only=True):
    """An alert in a list of somebody's inbox. ``archived_at``, ``snoozed_until``: where it is instead of in there."""

    archived_at: datetime | None
    snoozed_until: datetime | None
    #: Only in a search: how many of the alerts for which it stands have the words.
    found_under: int | UnsetType = UNSET


class AlertsRead(msgspec.Struct, tag="notifications.alerts_read", omit_defaults=True, kw_only=True):
    """A person has read these alerts of theirs or, with ``upto``, all up to that one. On ``user:<id>``."""

    ids: list[int] = []
    upto: int = 0
    #: How many alerts the person has not read, as :func:`notifications.inbox.queries.unread_count` counts.
    unread: int


#: A level to look for, or none.
LevelName = Literal["", "debug", "info", "success", "warning", "error"]


class InboxCounts(msgspec.Struct, omit_defaults=True):
    """How many alerts a person has of each kind. Up to 99 a number is exact, 100 is 100 or more."""

    unread: int
    archived: int
    snoozed: int
    #: How many are unread by the category of their kinds, among the newest 1,000 that are; none is left out.
    categories: dict[str, int] = {}


#: What a person did with alerts of theirs. Of what was seen no page is told.
Change = Literal["unread", "archived", "unarchived", "snoozed", "unsnoozed", "seen"]


class AlertsChanged(msgspec.Struct, tag="notifications.alerts_changed", omit_defaults=True, kw_only=True):
    """A person has these alerts of theirs in another state now. On ``user:<id>``."""

    ids: list[int]
    change: Change
    #: Until when they are snoozed.
    until: datetime | None = None
    #: Of the person's inbox, after the change.
    counts: InboxCounts


class AlertReturned(NotificationCreated, tag="notifications.alert_returned", kw_only=True):
    """A snoozed alert is back in the person's inbox, as unread. On ``user:<id>``."""

    #: Of the person's inbox, with all that came back at this moment.
    counts: InboxCounts


class AlertsWithdrawn(msgspec.Struct, tag="notifications.alerts_withdrawn", kw_only=True):
    """These alerts are taken back: no list has them any more. On the channels that they were sent to."""

    ids: list[int]


class ActionChosen(msgspec.Struct, tag="notifications.action_chosen"):
    """A person has chosen this action of an alert. On ``user:<id>``."""

    id: int
    action: str
    at: datetime


class TopicFollowed(msgspec.Struct, tag="notifications.topic_followed"):
    """A person follows a topic from now on. On ``user:<id>``."""

    name: str


class TopicUnfollowed(msgspec.Struct, tag="notifications.topic_unfollowed"):
    """A person follows a topic no more. On ``user:<id>``."""

    name: str


# The length because "$" stands before a newline, too.
_TIME = Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5, description="Such as 22:00.")


class HoursMessage(msgspec.Struct):
    """Hours of the week, on the clock of the person. An end that is not later is on the next day.

    ``days`` are those on which they begin, Monday is 1.
    """

    begin: Annotated[str, _TIME]
    end: Annotated[str, _TIME]
    days: list[Annotated[int, Meta(ge=1, le=7)]]


class HeededChoices(msgspec.Struct, kw_only=True):
    """What a client heeds of a person's choices: of what many share, nothing is left out before it.

    A subject is ``kind:NAME``, ``category:NAME``, ``plain`` (of no kind), the channel over which it comes, or
    ``bundle:NAME`` with the ``bundled_as`` of an alert.
    """

    #: Kinds that are not in the person's list; an empty name is all of no kind.
    hidden: list[str]
    #: Subjects that do not interrupt.
    silent: list[str]
    #: Subjects that do not interrupt until then.
    silent_until: dict[str, datetime]
    #: Critical kinds, which always do.
    always: list[str]
    #: Of the person's clock.
    time_zone: str
    #: Nothing interrupts in these hours, nor outside of those of the plan.
    quiet: HoursMessage | None
    plan: list[HoursMessage] | None


class PreferencesChanged(HeededChoices, tag="notifications.preferences_changed", kw_only=True):
    """A person has chosen something else. On ``user:<id>``."""


_decoder = msgspec.json.Decoder(NotificationCreated)
_encoder = msgspec.json.Encoder()


def created(notification: Notification) -> NotificationCreated:
    """The publication for a stored alert, with the texts that it has."""
    kind = kind_named(notification.kind) if notification.kind else None
    is_many = notification.bundle_count > 1
    return NotificationCreated(
        id=notification.pk,
        message=notification.message,
        title=notification.title,
        level=notification.level,
        url=notification.url,
        at=notification.created_at,
        data=notification.data,
        topic=UNSET if notification.topic is None else _label(notification.topic),
        expires_at=notification.expires_at or UNSET,
        kind=notification.kind or UNSET,
        category=UNSET if kind is None or kind.category is None else kind.category.name,
        icon=UNSET if kind is None else kind.icon or UNSET,
        actions=UNSET
        if not notification.actions or is_many
        else msgspec.convert(notification.actions, list[OfferedAction]),
        bundle=Bundle(notification.bundle or notification.pk, notification.bundle_count) if is_many else UNSET,
        bundled_as=public_name(notification.kind, notification.bundle_by) if notification.bundle_by else UNSET,
    )


#: How the JSON text of the publication for an alert begins, up to its id.
UPTO_ID = '{"type":"notifications.notification_created","id":'


def beginning_of_created(notification_id: int) -> str:
    """How the JSON text of the publication for this alert begins."""
    return f"{UPTO_ID}{notification_id},"


def listed(notification: Notification) -> ListedAlert:
    """An alert that :func:`notifications.inbox.queries.latest_for` has listed."""
    return ListedAlert(
        **msgspec.structs.asdict(created(notification)),
        read=notification.read,
        seen=notification.seen,
        chosen=notification.chosen or UNSET,
    )


def in_inbox(notification: Notification) -> InboxItem:
    """An alert that :mod:`notifications.inbox.reading` has listed, with what the person has done with it."""
    return InboxItem(
        **msgspec.structs.asdict(listed(notification)),
        archived_at=notification.archived_at,
        snoozed_until=notification.snoozed_until,
        found_under=notification.found_under or UNSET,
    )


def changed(
    ids: Sequence[int], change: Change, counts: InboxCounts, *, until: datetime | None = None
) -> AlertsChanged:
    """The publication for what a person did with these alerts."""
    return AlertsChanged(ids=sorted(ids), change=change, until=until, counts=counts)


def returned(alert: NotificationCreated, counts: InboxCounts) -> AlertReturned:
    """The publication for a snoozed alert that is back."""
    return AlertReturned(**msgspec.structs.asdict(alert), counts=counts)


def plain_frame(item: Envelope) -> str | None:
    """The frame of ``/ws/notifications/``; None for publications that this endpoint does not show."""
    if item.is_foreign:
        return simple_frame(item, _told)
    frame, expires_at = _frame_of(item)
    if expires_at is not UNSET and expires_at <= timezone.now():
        return None  # to a client that comes back
    return frame


#: Clients that were cut off by the same event come back for the same few.
@lru_cache(maxsize=32)
def _frame_of(item: Envelope) -> tuple[str | None, datetime | UnsetType]:
    """The frame, and when the alert expires."""
    try:
        alert = _decoder.decode(item.data)
    except msgspec.DecodeError:  # also what is no JSON at all
        return None, UNSET
    frame: dict[str, Any] = {
        "type": "notification",
        "message": alert.message,
        "timestamp": timezone.localtime(alert.at).strftime("%H:%M:%S"),
        "id": alert.id,
        "title": alert.title,
        "level": alert.level,
        "url": alert.url,
        "at": alert.at,
        "data": alert.data,
        "channel": item.channel,
        "offset": item.offset,
        "cursor": cursor_of(item),
    }
    more = ("topic", "kind", "category", "icon", "silent", "texts", "expires_at", "actions", "bundle", "bundled_as")
    frame |= {name: value for name in more if (value := getattr(alert, name)) is not UNSET}
    return _encoder.encode(frame).decode(), alert.expires_at


def _told(event: Mapping[str, Any], text: str) -> dict[str, Any]:
    """What an event of other code tells, as an alert that is nowhere stored."""
    shown = {"title": "", "level": Level.INFO.value, "url": "", "data": None}
    return {**shown, **{key: event[key] for key in shown if key in event}, "type": "notification", "message": text}


def _label(topic: Topic) -> TopicLabel:
    return TopicLabel(topic.name, topic.title)
