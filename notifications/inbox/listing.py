"""Alerts as a person has them: in their language, and with what they have done with each.

Which alerts are for a person says :mod:`notifications.inbox.reading`.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q, prefetch_related_objects
from django.db.models.functions import Now

from hub.users import as_stored
from notifications.inbox.reading import Reader
from notifications.kinds import wording
from notifications.models import InboxEntry, Notification, NotificationState
from notifications.offers import chosen as chosen_actions

# Written as SQL: for a page of twenty Django takes longer to write such statements than PostgreSQL to answer them.
_ROWS = "SELECT {columns} FROM hub_notifications_notification WHERE id IN ({ids}) ORDER BY id DESC"
_DONE = """
    SELECT notification_id, TRUE, FALSE, FALSE, FALSE FROM hub_notifications_readmark
    WHERE user_id = %(user)s AND notification_id IN ({ids})
    UNION ALL
    SELECT notification_id, TRUE, FALSE, FALSE, FALSE FROM hub_notifications_inboxentry
    WHERE user_id = %(user)s AND notification_id IN ({ids}) AND read_at IS NOT NULL
    UNION ALL
    SELECT notification_id, FALSE, unread, seen_at IS NOT NULL, archived_at IS NOT NULL OR snoozed_until IS NOT NULL
    FROM hub_notifications_notificationstate
    WHERE user_id = %(user)s AND notification_id IN ({ids})
"""


class _Done(NamedTuple):
    """What a person has done with an alert: it has a mark, or an entry that was read; else what its state says."""

    is_read: bool
    unread: bool
    seen: bool
    is_away: bool


def listed(reader: Reader, ids: Sequence[int]) -> list[Notification]:
    """These alerts, which are for the reader, newest first, in their language, with what they have done with each."""
    rows = _rows(ids)
    add_states(reader, rows)
    chosen_actions.note(rows, reader.key)
    wording.localise(rows, reader.key)
    return rows


def _rows(ids: Sequence[int]) -> list[Notification]:
    """These alerts, newest first, each with its topic."""
    if not ids:
        return []
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in Notification._meta.concrete_fields)
    rows = list(Notification.objects.raw(_ROWS.format(columns=columns, ids=_written(ids))))
    if any(row.topic_id is not None for row in rows):
        prefetch_related_objects(rows, "topic")
    return rows


def _written(ids: Iterable[int]) -> str:
    return ", ".join(str(int(one)) for one in ids)


def worded(reader: Reader, ids: Sequence[int], *, of: Q) -> list[Notification]:
    """As :func:`listed`, with nothing but their texts, to look for words: those of these alerts that ``of`` takes."""
    rows = Notification.objects.filter(of, pk__in=ids).defer("data", "actions").select_related("topic")
    found = list(rows.order_by("-pk"))
    wording.localise(found, reader.key)
    return found


def worded_alone(reader: Reader, ids: Sequence[int], *, of: Q) -> list[Notification]:
    """As :func:`worded`, also of alerts that are folded, each with what it says by itself."""
    found = list(Notification.objects.filter(of, pk__in=ids).defer("data", "actions").select_related("topic"))
    for row in found:
        row.bundle_count = 1
    wording.localise(found, reader.key)
    return found


def theirs(reader: Reader, ids: Collection[int]) -> list[Notification]:
    """As :func:`listed`, of any ids: those that are for the reader and not folded, without their texts."""
    current = Q(expires_at=None) | Q(expires_at__gt=Now())
    rows = (
        Notification.objects.filter(current, pk__in=ids, folded=False)
        .defer("message", "data", "url", "params")
        .order_by("-pk")
    )
    found = [row for row in rows if _is_for(reader, row)]
    if distributed := [row.pk for row in found if row.audience]:
        entries = InboxEntry.objects.filter(user=reader.key, notification__in=distributed)
        has = set(entries.values_list("notification", flat=True))
        found = [row for row in found if not row.audience or row.pk in has]
    add_states(reader, found)
    return found


def _is_for(reader: Reader, row: Notification) -> bool:
    """Whether it is for the reader, as far as that is to be seen without their entries."""
    if row.kind in reader.hidden and (not row.kind or (row.user_id is None and not row.audience)):
        return False
    if row.user_id is not None:
        return bool(row.user_id == reader.key)
    if row.group_id is not None:
        return row.group_id in reader.group_ids
    return row.topic_id is None or any(topic.id == row.topic_id for topic in reader.topics)


def add_states(reader: Reader, rows: Sequence[Notification]) -> None:
    """Note in these alerts, which are for the reader, what they have done with each.

    One query, and another one where some are archived or snoozed.
    """
    read, states, away = set[int](), dict[int, _Done](), dict[int, NotificationState]()
    if reader.key is not None and rows:
        for pk, *done in _done(reader, [row.pk for row in rows]):
            found = _Done(*map(bool, done))
            if found.is_read:
                read.add(pk)
            else:
                states[pk] = found
        if put_away := [pk for pk, found in states.items() if found.is_away]:
            of_them = NotificationState.objects.filter(user=reader.key, notification__in=put_away)
            away = {state.notification_id: state for state in of_them}
    floor_of = _floors_of(reader)
    for row in rows:
        row.read = row.pk in read or row.pk <= floor_of(row)
        state = states.get(row.pk)
        row.read = row.read and not (state is not None and state.unread)
        if row.pk in away:
            row.archived_at, row.snoozed_until = away[row.pk].archived_at, away[row.pk].snoozed_until
        row.seen = row.read or (state is not None and state.seen)


def _done(reader: Reader, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    (user,) = as_stored([reader.key])
    with connection.cursor() as cursor:
        cursor.execute(_DONE.format(ids=_written(ids)), {"user": user})
        return list(cursor.fetchall())


def _floors_of(reader: Reader) -> Callable[[Notification], int]:
    """Up to where all is read of what was sent to the same as an alert, which is for the reader."""
    of_groups = {group.id: group for group in reader.groups}
    of_topics = {topic.id: topic for topic in reader.topics}

    def floor_of(row: Notification) -> int:
        if row.audience:
            return 0
        if row.user_id is not None:
            return reader.own
        of_many = of_topics.get(row.topic_id or 0) if row.group_id is None else of_groups.get(row.group_id)
        if of_many is not None:
            return of_many.past if row.past else of_many.read
        return reader.past if row.past else reader.shared

    return floor_of
