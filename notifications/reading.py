"""Which alerts are for a person, and which of them they have not read.

Read is what is not newer than the person's :class:`~notifications.models.ReadUpTo`, what has a
:class:`~notifications.models.ReadMark`, what was sent to a group or to everyone before the account was made (where the
user model says when that was), and what was sent to a topic before the person followed it. Of what was distributed to
many the person's own :class:`~notifications.models.InboxEntry` says it, and nothing else.

Alerts are found by SQL, of PostgreSQL and SQLite alike: each audience is a walk through an index from its newest end,
which stops when enough is found. One ``OR`` over all of them would read the alerts of all other people, and Django's
``union()`` takes no parts with a limit on SQLite.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import OuterRef, Subquery

from hub.channels import LAST_ID
from hub.users import Key, all_users, as_stored, groups_of, joined_field
from notifications import wording
from notifications.models import Follow, InboxEntry, Notification, ReadMark, ReadUpTo

#: Audiences that one statement looks at: SQLite takes no more than 500 parts.
PARTS = 100

# PostgreSQL recognises the order of an index only where the columns that are NULL are named too.
_PART = """
    SELECT * FROM (
        SELECT alert.id FROM hub_notifications_notification alert WHERE {audience} AND {wanted}
            AND (alert.expires_at IS NULL OR alert.expires_at > {now})
        ORDER BY {order}, alert.id DESC LIMIT %(limit)s
    ) {name}
"""


# Behind COALESCE, because PostgreSQL would make a join of a bare NOT EXISTS, and read far more than is wanted.
_WITHOUT_MARK = """
    alert.id > {floor} AND alert.id <= %(upto)s AND NOT COALESCE(EXISTS (
        SELECT 1 FROM hub_notifications_readmark mark
        WHERE mark.user_id = %(user)s AND mark.notification_id = alert.id
    ), FALSE)
"""


# What was distributed to the person: their entries, by an index of those that are unread, or of all. Of the few that
# are being withdrawn the alert is gone already, and those that have expired are few until they are withdrawn.
_ENTRIES = """
    SELECT * FROM (
        SELECT entry.notification_id FROM hub_notifications_inboxentry entry
        WHERE entry.user_id = %(user)s AND {wanted}
            AND entry.notification_id NOT IN (SELECT notification_id FROM hub_notifications_withdrawal)
            AND entry.notification_id NOT IN (SELECT id FROM hub_notifications_notification WHERE expires_at <= {now})
        ORDER BY entry.user_id, entry.notification_id DESC LIMIT %(limit)s
    ) entries
"""


class _Wanted(NamedTuple):
    """Which alerts are looked for: the condition for rows of alerts, and the one for entries."""

    alerts: str
    entries: str


_OLDER = _Wanted("alert.id < %(before)s", "entry.notification_id < %(before)s")
_UNREAD = _Wanted(_WITHOUT_MARK, "entry.read_at IS NULL AND entry.notification_id <= %(upto)s")


class Followed(NamedTuple):
    """A topic that a person follows, and up to where all is read of what was sent to it."""

    id: int
    name: str
    read: int


@dataclass(frozen=True, slots=True)
class Reader:
    """A person, and what decides which alerts are for them and which of those are read.

    Args:
        key: of the user; None for a guest, who gets what is sent to everyone, and has nothing unread.
        group_ids: their groups.
        topics: what they follow.
        own: up to where all is read of what was sent to the person.
        shared: up to where all is read of what was sent to a group or to everyone.
    """

    key: Key = None
    group_ids: Sequence[int] = ()
    topics: Sequence[Followed] = ()
    own: int = LAST_ID
    shared: int = LAST_ID


def reader(key: Key) -> Reader:
    """What the database says of the user with this key now; three queries, none for a guest."""
    if key is None:
        return Reader()
    floors = [Subquery(ReadUpTo.objects.filter(user=OuterRef("pk")).values("upto"))]
    if joined := joined_field():
        sent_before = Notification.objects.filter(created_at__lt=OuterRef(joined)).order_by("-created_at", "-pk")
        floors.append(Subquery(sent_before.values("pk")[:1]))
    upto, *sent_before_joined = all_users().filter(pk=key).values_list(*floors).first() or (0,)
    shared = max(upto or 0, *(newest or 0 for newest in sent_before_joined), 0)
    return Reader(key, tuple(groups_of(key)), _followed_by(key, shared), upto or 0, shared)


def _followed_by(key: Key, shared: int) -> tuple[Followed, ...]:
    found = Follow.objects.filter(user=key).order_by("topic").values_list("topic", "topic__name", "after")
    return tuple(Followed(topic_id, name, max(shared, after)) for topic_id, name, after in found)


def unread_ids(reader: Reader, *, limit: int, upto: int = LAST_ID) -> list[int]:
    """Alerts for the reader, not newer than ``upto``, that are not read: at most ``limit`` of them, in no order."""
    if reader.key is None:
        return []
    asked = {"own": reader.own, "shared": reader.shared, "upto": upto, "limit": limit}
    return list(islice(_find(_UNREAD, reader, asked), limit))


def newest_ids(reader: Reader, *, before: int, limit: int) -> list[int]:
    """The newest alerts for the reader that are older than ``before``: newest first."""
    return sorted(_find(_OLDER, reader, {"before": before, "limit": limit}), reverse=True)[:limit]


def listed(reader: Reader, ids: Sequence[int]) -> list[Notification]:
    """These alerts, which are for the reader, newest first, each with ``read`` and in their language."""
    rows = list(Notification.objects.filter(pk__in=ids).select_related("topic").order_by("-pk"))
    marked = ReadMark.objects.filter(user=reader.key, notification__in=ids).values_list("notification", flat=True)
    read = set(marked) if reader.key is not None else set()
    read |= _read_entries(reader, [row.pk for row in rows if row.audience])
    of_topics = {topic.id: topic.read for topic in reader.topics}
    for row in rows:
        floor = 0 if row.audience else reader.shared if row.user_id is None else reader.own
        row.read = row.pk in read or row.pk <= of_topics.get(row.topic_id or 0, floor)
    wording.localise(rows, reader.key)
    return rows


def _read_entries(reader: Reader, ids: Sequence[int]) -> set[int]:
    if not ids:
        return set()
    read = InboxEntry.objects.filter(user=reader.key, notification__in=ids).exclude(read_at=None)
    return set(read.values_list("notification", flat=True))


def _find(wanted: _Wanted, reader: Reader, asked: dict[str, Any]) -> Iterator[int]:
    """The newest of each audience that are ``wanted``, audience by audience."""
    parts = list(_parts(wanted, reader))
    (user,) = as_stored([reader.key])
    for start in range(0, len(parts), PARTS):
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts[start : start + PARTS]), {"user": user, **asked})
            rows = cursor.fetchall()
        yield from (found for (found,) in rows)


def _parts(wanted: _Wanted, reader: Reader) -> Iterator[str]:
    if reader.key is not None:
        yield _ENTRIES.format(wanted=wanted.entries, now=_now())
        own = wanted.alerts.format(floor="%(own)s")
        yield _PART.format(
            audience="alert.user_id = %(user)s", wanted=own, order="alert.user_id", name="own_ones", now=_now()
        )
    shared = wanted.alerts.format(floor="%(shared)s")
    yield _part_of_many("of_everyone", "IS NULL", "IS NULL", shared)
    for group in map(int, reader.group_ids):
        yield _part_of_many(f"of_group_{group}", f"= {group}", "IS NULL", shared)
    for topic in reader.topics:
        since_then = wanted.alerts.format(floor=int(topic.read))
        yield _part_of_many(f"of_topic_{int(topic.id)}", "IS NULL", f"= {int(topic.id)}", since_then)


def _part_of_many(name: str, group: str, topic: str, wanted: str) -> str:
    return _PART.format(
        audience=f"alert.group_id {group} AND alert.topic_id {topic} AND alert.user_id IS NULL"
        " AND alert.audience = ''",
        wanted=wanted,
        order="alert.group_id, alert.topic_id, alert.user_id, alert.audience",
        name=name,
        now=_now(),
    )


def _now() -> str:
    """The time of the database, in SQL: as ``Now()`` of Django."""
    if connection.vendor == "sqlite":
        return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')"
    return "STATEMENT_TIMESTAMP()"
