"""Reads of the notifications app."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from hub import streams
from hub.channels import LAST_ID
from hub.streams import Position
from hub.users import Key, Visitor
from notifications import channels, reading
from notifications.models import Follow, Notification, Topic

#: Nobody reads a larger number, and counting on would cost more the longer somebody has been away.
UNREAD_LIMIT = 100


@dataclass(frozen=True, slots=True)
class InboxPage:
    """A part of somebody's alerts, newest first.

    Args:
        alerts: each with ``read``.
        more: whether there are older ones.
        unread: :func:`unread_count`.
        positions: where the person's channels stood before the alerts were read. Whoever goes on live from there
            misses none; one that came in between is in both.
    """

    alerts: list[Notification]
    more: bool
    unread: int
    positions: dict[str, Position]


def page_for(user: Visitor, *, before: int = LAST_ID, limit: int) -> InboxPage:
    """The newest ``limit`` alerts for ``user`` (guests: those to everyone) that are older than the id ``before``."""
    reader = reading.reader(user.pk)
    names = [channels.everyone]
    if user.pk is not None:
        names += [channels.of_user(user), *map(channels.of_group, reader.group_ids)]
        names += [channels.of_topic(topic.name) for topic in reader.topics]
    positions = streams.positions(names)
    ids = reading.newest_ids(reader, before=before, limit=limit + 1)
    unread = len(reading.unread_ids(reader, limit=UNREAD_LIMIT))
    return InboxPage(reading.listed(reader, ids[:limit]), len(ids) > limit, unread, positions)


def latest_for(user: Visitor, limit: int = 50) -> list[Notification]:
    """The newest alerts that are for ``user`` (guests: those to everyone), newest first, each with ``read``."""
    reader = reading.reader(user.pk)
    return reading.listed(reader, reading.newest_ids(reader, before=LAST_ID, limit=limit))


def unread_count(user: Visitor) -> int:
    """How many alerts ``user`` has not read, counted up to :data:`UNREAD_LIMIT`; guests have none.

    What was sent to a group or to everyone before the account was made is nobody's unread alert, nor is what was sent
    to a topic before they followed it.
    """
    return len(reading.unread_ids(reading.reader(user.pk), limit=UNREAD_LIMIT))


def cursor_for(user: Visitor) -> str:
    """Where the channels of ``user`` stand now. Read it before the list, so that no alert falls between the two."""
    return streams.cursor_at(channels.followed_by(user))


def topics_for(user: Visitor) -> list[Topic]:
    """The topics that ``user`` may know of, by title, each with ``followed``: open ones, and those they follow."""
    mine = set(Follow.objects.filter(user=user.pk).values_list("topic", flat=True)) if user.pk is not None else set()
    topics = list(Topic.objects.filter(Q(is_open=True) | Q(pk__in=mine)))
    for topic in topics:
        topic.followed = topic.pk in mine
    return topics


def may_follow_topics(asked: Iterable[tuple[str, Key]]) -> dict[tuple[str, Key], bool]:
    """Whether each of these users (by key) may receive the topic of this name: it is open, or they follow it."""
    asked = list(asked)
    names = {name for name, _ in asked}
    opened = set(Topic.objects.filter(name__in=names, is_open=True).values_list("name", flat=True))
    rows = Follow.objects.filter(topic__name__in=names - opened, user__in={key for _, key in asked})
    followed = set(rows.values_list("topic__name", "user"))
    return {(name, key): name in opened or (name, key) in followed for name, key in asked}
