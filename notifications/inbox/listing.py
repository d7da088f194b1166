"""Alerts as a person has them: in their language, and with what they have done with each.

Which alerts are for a person says :mod:`notifications.inbox.reading`.
"""

from collections.abc import Callable, Collection, Sequence

from django.db.models import Q
from django.db.models.functions import Now

from notifications.inbox.reading import Reader
from notifications.kinds import wording
from notifications.models import InboxEntry, Notification, NotificationState, ReadMark
from notifications.offers import chosen as chosen_actions


def listed(reader: Reader, ids: Sequence[int]) -> list[Notification]:
    """These alerts, which are for the reader, newest first, in their language, with what they have done with each."""
    rows = list(Notification.objects.filter(pk__in=ids).select_related("topic").order_by("-pk"))
    add_states(reader, rows)
    chosen_actions.note(rows, reader.key)
    wording.localise(rows, reader.key)
    return rows


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
    """Note in these alerts, which are for the reader, what they have done with each."""
    ids = [row.pk for row in rows]
    read, states = set[int](), dict[int, NotificationState]()
    if reader.key is not None:
        marked = ReadMark.objects.filter(user=reader.key, notification__in=ids)
        read = set(marked.values_list("notification", flat=True))
        read |= _read_entries(reader, [row.pk for row in rows if row.audience])
        states = {
            state.notification_id: state
            for state in NotificationState.objects.filter(user=reader.key, notification__in=ids)
        }
    floor_of = _floors_of(reader)
    for row in rows:
        row.read = row.pk in read or row.pk <= floor_of(row)
        if state := states.get(row.pk):
            row.read = row.read and not state.unread
            row.archived_at, row.snoozed_until = state.archived_at, state.snoozed_until
        row.seen = row.read or (state is not None and state.seen_at is not None)


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


def _read_entries(reader: Reader, ids: Sequence[int]) -> set[int]:
    if not ids:
        return set()
    read = InboxEntry.objects.filter(user=reader.key, notification__in=ids).exclude(read_at=None)
    return set(read.values_list("notification", flat=True))
