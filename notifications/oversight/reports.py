"""What became of a notification: when it was stored and sent, and what one person, or all, did with it.

It reads what is stored anyway. What was retracted, pruned, or has expired and been withdrawn, has no row any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from hub import streams
from hub.channels import LAST_ID
from hub.users import User
from notifications import channels, events
from notifications.inbox import bundles, listing, reading
from notifications.inbox.reading import Question
from notifications.models import (
    ActionChoice,
    Distribution,
    InboxChange,
    InboxEntry,
    Notification,
    NotificationState,
)
from notifications.sending import distributing, expiring

#: Changes of one person that are looked through for one notification, the oldest after it was stored first.
LOOKED_AT = 5000


@dataclass(frozen=True, slots=True)
class PlaceInChannel:
    """Its place in the channel that it was sent on.

    Args:
        channel: its name.
        offset: its number there; 0 where the history of the channel does not have it, or not yet.
        at: when it got the number, which is when it was sent to all who were connected.
    """

    channel: str
    offset: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Something that the person did with it: ``read``, ``chosen``, or a change as publications name it."""

    what: str
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class ForPerson:
    """What a notification is to a person.

    Args:
        alert: the row, with what the person has done with it (``read``, ``seen`` and so on): that of another one where
            they are one row (``group_by``).
        state: where it is for them: ``unread``, ``read``, ``archived`` or ``snoozed``; ``owed`` where it is still to
            be distributed to them, ``expired`` where its time is over, ``none`` where it is not for them, or they have
            switched it off.
        sent: on the channel on which it came to them; None where it did not.
        steps: what they did with it, in order.
        chosen: the action that they have chosen, and when.
    """

    user: User
    alert: Notification
    state: str
    sent: PlaceInChannel | None
    steps: list[Step] = field(default_factory=list)
    chosen: tuple[str, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people did what with a notification. ``read`` is known only of what was distributed."""

    seen: int
    archived: int
    snoozed: int
    chosen: int
    read: int | None


@dataclass(frozen=True, slots=True)
class ForAll:
    """What became of a notification.

    Args:
        sent: on its channel; None where a job distributes it, and each person has it on a channel of their own.
        distribution: how far the job is.
    """

    alert: Notification
    to: str
    sent: PlaceInChannel | None
    distribution: Distribution | None
    counts: Counts


def of_notification(alert: Notification) -> ForAll:
    """What became of the notification; a few queries of indexes, one that counts the people who have it."""
    distribution = Distribution.objects.filter(pk=alert.pk).first()
    states = NotificationState.objects.filter(notification=alert)
    counts = Counts(
        seen=states.exclude(seen_at=None).count(),
        archived=states.exclude(archived_at=None).count(),
        snoozed=states.exclude(snoozed_until=None).count(),
        chosen=ActionChoice.objects.filter(notification=alert).count(),
        read=None if distribution is None else _read_entries(distribution),
    )
    sent = None if alert.audience else _sent(alert, channels.of_alert(alert))
    return ForAll(alert, recipient_of(alert), sent, distribution, counts)


def of_person(alert: Notification, user: User) -> ForPerson:
    """What the notification is to ``user``, and what they did with it."""
    row = bundles.shown_as(reading.reader(user.pk), alert.pk)
    if row is None:
        return ForPerson(user, alert, _why_not(alert, user), None)
    channel = channels.of_user(user) if alert.audience else channels.of_alert(alert)
    steps = list(_steps(alert, user, {alert.pk, row.pk}))
    choice = ActionChoice.objects.filter(user=user, notification=alert).first()
    if choice is None:
        return ForPerson(user, row, state_of(row), _sent(alert, channel), steps)
    steps = sorted([*steps, Step("chosen", choice.chosen_at, choice.source)], key=lambda step: step.at)
    chosen = choice.action, choice.chosen_at
    return ForPerson(user, row, state_of(row), _sent(alert, channel), steps, chosen)


def notifications_of(user: User, *, before: int = LAST_ID, limit: int) -> list[Notification]:
    """The newest notifications of ``user`` older than the id ``before``, wherever they are for them, newest first."""
    reader = reading.reader(user.pk)
    places = (reading.INBOX, reading.ARCHIVED, reading.SNOOZED)
    found = reading.find(reader, *(Question(place, limit, before - 1) for place in places))
    ids = sorted({one for ids in found for one in ids}, reverse=True)[:limit]
    return listing.listed(reader, ids)


def state_of(row: Notification) -> str:
    """Where a notification that was listed for a person is for them (:class:`ForPerson`)."""
    if row.archived_at:
        return "archived"
    if row.snoozed_until:
        return "snoozed"
    return "read" if row.read else "unread"


def recipient_of(alert: Notification) -> str:
    """To whom it went, as ``notify(to=…)`` would take it, but for lists of people."""
    if alert.audience:
        return alert.audience
    try:
        return channels.of_alert(alert)
    except LookupError:
        return channels.TOPIC


def _sent(alert: Notification, channel: str) -> PlaceInChannel:
    found = streams.published(channel, events.beginning_of_created(alert.pk), alert.created_at)
    return PlaceInChannel(channel, *found) if found else PlaceInChannel(channel)


def _why_not(alert: Notification, user: User) -> str:
    if expiring.is_over(alert):
        return "expired"
    return "owed" if alert.audience and distributing.is_owed(alert, user) else "none"


def _steps(alert: Notification, user: User, rows: set[int]) -> Iterator[Step]:
    """What ``user`` did with ``alert``, or with the row that it is one with."""
    changes = InboxChange.objects.filter(user=user, created_at__gte=alert.created_at).order_by("pk")
    was_read = False
    for change in changes[:LOOKED_AT]:
        is_named = not rows.isdisjoint(change.ids)
        # What was marked up to it again changed nothing of it.
        if is_named or (min(rows) <= change.upto and not was_read):
            was_read = change.change == "read" or (was_read and change.change != "unread")
            yield Step(change.change, change.created_at, change.source)


def _read_entries(distribution: Distribution) -> int:
    """How many people have read it."""
    return InboxEntry.objects.filter(notification=distribution.pk).exclude(read_at=None).count()
