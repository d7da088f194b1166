"""Sending an alert whose time has come."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from notifications import sources
from notifications.models import Notification, ScheduledAlert
from notifications.sending import actions, keys, scheduling, throttling

#: Told of an alert that waited, and of what was stored of it, in the transaction that does.
OnSent = Callable[[ScheduledAlert, list[Notification]], object]


def send(scheduled_id: int, due_at: datetime, *, on_sent: OnSent | None = None) -> int:
    """Send the alert that was to be sent at ``due_at``, and delete its row, in one transaction.

    With what is held in a window goes all that is held there. Nothing where it is sent already, was cancelled, or has
    another time. Returns how many alerts are stored. ``on_sent`` is told of one that was held in no window. Safe to
    run at the same time as itself. Raises ``django.db.Error``, and what keeps it from being sent, such as ``BadAlert``
    and ``BadAudience``.
    """
    with transaction.atomic():
        rows = ScheduledAlert.objects.filter(pk=scheduled_id, due_at=due_at)
        for held in rows.exclude(scope=""):
            with sources.acting_as(held.source):
                return len(actions.send(throttling.taken(held)))
        key = rows.values_list("key", flat=True).first()
        if key is not None:
            keys.hold_alone(key)  # before its row, as who takes it back does
        row = rows.select_for_update().first()
        if row is None:
            return 0
        row.delete()
        with sources.acting_as(row.source):
            sent = actions.send([scheduling.alert_in(row)])
        if on_sent is not None:
            on_sent(row, sent)
        return len(sent)
