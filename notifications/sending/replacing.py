"""Alerts that take the place of what their recipients have of the same key: that is taken back, and they are sent.

So what is new stands on top, unread, wherever the old one was; and what holds for alerts that are taken back holds for
those that are replaced.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Q

from hub.publishing import publish_many
from hub.publishing import withdraw as withdraw_publications
from hub.users import Key
from notifications import channels
from notifications.kinds import wording
from notifications.models import InboxEntry, Notification
from notifications.sending import bundling, expiring, keys, withdrawing
from notifications.sending.named_audiences import Listed


def make_room(rows: Sequence[Notification]) -> list[Notification]:
    """Take back, in the open transaction, what the recipients of a new alert have of its key and says other things.

    Whoever sends with this key waits until the transaction has ended.

    Args:
        rows: of one alert with a key, not stored yet, one for each recipient.

    Returns what was taken back from all who had it. What says the same stays, and expires when the new one would.
    """
    key, said = rows[0].key or "", contents(rows[0])
    keys.hold_alone(key)
    bundling.hold(rows)
    others = Notification.objects.filter(key=key).select_related("user", "topic")
    had = list(others.filter(_had_by(rows)))
    stay = [row for row in had if contents(row) == said and not expiring.is_over(row)]
    gone = [row for row in had if row not in stay]
    if gone:
        withdrawing.withdraw(Notification.objects.filter(pk__in=[row.pk for row in gone]))
    _move_expiry(stay, rows[0].expires_at)
    distributed = [row.pk for row in others.exclude(audience="") if contents(row) != said or expiring.is_over(row)]
    if distributed:
        _take_from([row.user_id for row in rows if row.user_id is not None], distributed)
    return gone


def _move_expiry(rows: Sequence[Notification], expires_at: datetime | None) -> None:
    """Have these, which stay, expire then; open pages are told without a sound, but for those of many people."""
    # Of a bundle the time counts that its row has.
    moved = [row for row in rows if row.expires_at != expires_at and row.bundle is None]
    if not moved:
        return
    Notification.objects.filter(pk__in=[row.pk for row in moved]).update(expires_at=expires_at)
    alone = [row for row in moved if not row.audience]
    for row in alone:
        row.expires_at = expires_at
    told = wording.publications(alone)
    publish_many((channel, msgspec.structs.replace(one, silent=True)) for channel, one in told)


def contents(row: Notification) -> tuple[Any, ...]:
    """What an alert says: two with the same one are the same to people."""
    # As JSON, since what is stored is that: a tuple has become a list.
    data = json.loads(json.dumps(row.data))
    return row.kind, row.params, row.title, row.message, row.level, row.url, data, row.actions


def _had_by(rows: Sequence[Notification]) -> Q:
    """Which alerts with the key of these rows their recipients have, and nobody else."""
    alone = [row for row in rows if row.people is None]
    had = Q(user__in=[row.user_id for row in alone if row.user_id is not None])
    had |= Q(group__in=[row.group_id for row in alone if row.group_id is not None])
    had |= Q(topic__in=[row.topic_id for row in alone if row.topic_id is not None])
    if any(row.user_id is row.group_id is row.topic_id is None for row in alone):
        had |= Q(user=None, group=None, topic=None, audience="")
    for people in (row.people for row in rows if row.people is not None):
        keys_of_them: Any = people.keys if isinstance(people, Listed) else people.people().values("pk")
        had |= ~Q(audience="") | Q(user__in=keys_of_them)
    return had


def _take_from(people: Collection[Key], distributed: Collection[int]) -> None:
    """Take these alerts of many back from some of their people."""
    entries = InboxEntry.objects.filter(user__in=people, notification__in=distributed)
    taken = list(entries.select_related("user", "notification"))
    withdraw_publications(
        [withdrawing.replacement(channels.of_user(entry.user), [entry.notification]) for entry in taken]
    )
    InboxEntry.objects.filter(pk__in=[entry.pk for entry in taken]).delete()
