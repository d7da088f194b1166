"""The entries of people: a distributed notification in somebody's list, and whether they have read it."""

from collections.abc import Collection, Sequence

from django.db import connection
from django.utils import timezone

from hub.channels import LAST_ID
from hub.users import Key, as_rows, as_stored, ids_are_keys, select_users
from notifications.models import InboxEntry
from notifications.models.inbox import entry_place

#: Entries that one statement adds.
BATCH = 500

# As SQL, because Django does not say which rows were there already. Of PostgreSQL and SQLite alike.
_ADD = """
    INSERT INTO hub_notifications_inboxentry (notification_id, user_id)
    SELECT %s, given.* FROM ({people}) AS given WHERE TRUE
    ON CONFLICT (notification_id, user_id) DO NOTHING
    RETURNING user_id
"""


def add(notification_id: int, keys: Sequence[Key]) -> list[Key]:
    """Give the notification to those users with these keys who are there, as part of the open transaction.

    Returns the keys of those who did not have it: who has it already is not among them, also where somebody else gives
    it to them at the same time.
    """
    added: list[Key] = []
    with connection.cursor() as cursor:
        for start in range(0, len(keys), BATCH):
            part = keys[start : start + BATCH]
            # Where ids are no keys, the caller has just read them of those who are there.
            people, asked = select_users(part) if ids_are_keys() else as_rows(part)
            cursor.execute(_ADD.format(people=people), [notification_id, *asked])
            stored = [value for (value,) in cursor.fetchall()]
            if len(stored) == len(part):
                added += part
            elif stored:
                key_of = dict(zip(as_stored(part), part, strict=True))
                added += [key_of[value] for value in stored]
    return added


def mark_read(key: Key, ids: Collection[int]) -> list[int]:
    """Mark those of these notifications as read that the user has entries of; returns which were unread before."""
    unread = InboxEntry.objects.filter(user=key, notification__in=ids, read_at=None)
    new = list(unread.values_list("notification", flat=True))
    if new:
        InboxEntry.objects.filter(user=key, notification__in=new).update(read_at=timezone.now())
    return new


def mark_all_read(key: Key, upto: int = LAST_ID) -> int:
    """Mark the entries that the user has now, not newer than ``upto``, as read; returns how many were unread."""
    # The place of what is unread is the id of its notification, and above 0.
    unread = InboxEntry.objects.alias(place=entry_place()).filter(user=key, place__gt=0, place__lte=upto)
    return unread.update(read_at=timezone.now())
