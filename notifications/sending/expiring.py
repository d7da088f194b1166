"""Alerts that are not true any more after a time: readers leave them out from then on, and a job deletes them."""

import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from hub.database import turns
from notifications.models import Notification
from notifications.sending import withdrawing

#: Alerts that are deleted in one transaction.
BATCH = 100

#: Folded alerts that are deleted in one transaction.
FOLDED_BATCH = 500


def moment(expires: timedelta | datetime | None) -> datetime | None:
    """When an alert expires that is sent now; see ``expires`` of :func:`notifications.alert`."""
    return timezone.now() + expires if isinstance(expires, timedelta) else expires


def is_over(row: Notification) -> bool:
    """Whether a stored alert has expired, by the clock of this host."""
    return row.expires_at is not None and row.expires_at <= timezone.now()


def sweep(*, seconds: float = 20.0) -> int:
    """Withdraw the alerts that have expired, in small transactions; returns how many.

    So their histories do not have them either. Stops after about ``seconds``; what is left is the next call's. A query
    of a small index where there is none. Safe to run at the same time as itself.
    """
    deadline = time.monotonic() + seconds
    swept = 0
    expired = Notification.objects.filter(expires_at__lte=Now()).order_by("expires_at")
    while found := list(expired.values_list("pk", "bundle")[:BATCH]):
        # What is folded goes first, or else it would stand there. Its publications went when it was folded.
        folded = Notification.objects.filter(bundle__in={bundle for _, bundle in found} - {None}, folded=True)
        while piece := list(folded.order_by().values_list("pk", flat=True)[:FOLDED_BATCH]):
            swept += _delete(folded.filter(pk__in=piece))
            if turns.is_over(deadline):
                return swept
        swept += withdrawing.withdraw(Notification.objects.filter(pk__in=[pk for pk, _ in found]))
        if turns.is_over(deadline):
            break
    return swept


def _delete(rows: QuerySet[Notification]) -> int:
    """In the order in which others lock alerts."""
    with transaction.atomic():
        held = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
        Notification.objects.filter(pk__in=held).delete()
    return len(held)
