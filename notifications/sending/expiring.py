"""Alerts that are not true any more after a time: readers leave them out from then on, and a job deletes them."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from notifications.models import Notification
from notifications.sending import withdrawing

#: Alerts that are deleted in one transaction.
BATCH = 100


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
    while found := list(expired.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            swept += withdrawing.withdraw(_with_bundles(found))
        if time.monotonic() > deadline:
            break
    return swept


def _with_bundles(found: Sequence[int]) -> QuerySet[Notification]:
    """These alerts, and all that they stand for."""
    bundles = Notification.objects.filter(pk__in=found).exclude(bundle=None).values_list("bundle", flat=True)
    return Notification.objects.filter(Q(pk__in=found) | Q(bundle__in=list(bundles)))
