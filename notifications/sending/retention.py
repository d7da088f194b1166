"""Which alerts are kept. What people have done with one goes with it."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, QuerySet

from hub.config import hub_settings
from hub.database import prune_table
from hub.database.turns import is_over
from hub.users import all_users
from notifications.kinds.declaring import declared
from notifications.models import (
    ActionChoice,
    Distribution,
    FailedCall,
    InboxChange,
    InboxEntry,
    Notification,
    NotificationState,
    ReadMark,
    ScheduledAlert,
    Topic,
)
from notifications.sending import throttling

#: Rows that one statement looks at for what became of their alerts.
SLICE = 10_000

DAY = timedelta(days=1)


def prune(*, seconds: float = 60.0) -> int:
    """Delete alerts that need not be kept (``HUB_ALERT_ITEMS``, ``HUB_ALERT_DAYS``, or what their kind says).

    Returns how many. Stops after about ``seconds``; what is left is the next call's. Safe to run at the same time as
    itself.
    """
    deadline = time.monotonic() + seconds
    pruned = _prune_alerts(deadline)
    for failed in (ScheduledAlert.objects.exclude(failure=""), FailedCall.objects.all()):
        pruned += _prune(failed, deadline, days=hub_settings().alert_days)
    changes = InboxChange.objects.all()
    of_people = [(changes, all_users(), "user")]
    pruned += _prune(
        changes, deadline, days=hub_settings().alert_days, items=hub_settings().alert_items, lists=of_people
    )
    throttling.prune()
    _forget_what_is_of_none(deadline)
    return pruned


def _prune_alerts(deadline: float) -> int:
    settings = hub_settings()
    rows = Notification.objects.all()
    kept = {kind.name: kind.keep for kind in declared() if kind.keep is not None}
    # Found by the index of the kind.
    pruned = sum(_prune(rows.filter(kind=name), deadline, days=keep / DAY) for name, keep in kept.items())
    of_groups = rows.filter(user=None, audience="")
    # What was distributed goes by its age; each person keeps the newest of them, as of what was sent to them alone.
    # Nobody has more of them than there are.
    if 0 < settings.alert_items < Distribution.objects.count():
        entries = InboxEntry.objects.all()
        of_people = [(entries, all_users(), "user")]
        pruned += _prune(entries, deadline, items=settings.alert_items, lists=of_people, by="notification_id")
    return pruned + _prune(
        rows.exclude(kind__in=kept) if kept else rows,
        deadline,
        days=settings.alert_days,
        items=settings.alert_items,
        lists=[
            rows.filter(user=None, group=None, topic=None, audience=""),
            (of_groups.filter(group=None), Topic.objects.all(), "topic"),
            (of_groups.filter(topic=None), Group.objects.all(), "group"),
            # A row of many is one; what is folded under such rows pushes none of them out.
            (rows.filter(folded=False), all_users(), "user"),
            (rows.filter(folded=True), all_users(), "user"),
        ],
    )


def _prune(
    rows: QuerySet[Any],
    deadline: float,
    *,
    days: float = 0,
    items: int = 0,
    lists: Sequence[Any] = (),
    by: str = "pk",
) -> int:
    """:func:`hub.database.prune_table` until the deadline; the first rows go where that is over."""
    left = max(0.0, deadline - time.monotonic())
    return prune_table("alert", rows, days=days, items=items, lists=lists, seconds=left, by=by)


def _forget_what_is_of_none(deadline: float) -> None:
    """Delete what people did with an alert while it was deleted, newest first: whatever is new is looked at."""
    there = Notification.objects.filter(pk=OuterRef("notification"))
    for model in (ActionChoice, NotificationState, ReadMark):
        rows = model._default_manager.all()
        while True:
            last = rows.order_by("-pk").values_list("pk", flat=True)[SLICE : SLICE + 1].first()
            part = rows if last is None else rows.filter(pk__gt=last)
            part.filter(~Exists(there)).delete()
            if last is None or is_over(deadline):
                break
            rows = model._default_manager.filter(pk__lte=last)
