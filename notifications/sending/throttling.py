"""Alerts with ``throttle``: the first at once, then one row for each window of time, which says how many came.

What comes within a window is held: it is stored as an alert for later (:mod:`notifications.sending.scheduling`), whose
time is the end of the window. One job sends all that is held, and that opens the next window; where nothing was held,
the next alert is a first one again. Of very many the newest are kept, and of the others the number (:data:`HELD`).

A window is a row, and whoever calls holds it until the transaction ends, so that of calls at the same time one is the
first. Its end is a time of the database's clock.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from hub.users import User, written
from notifications.models import Notification, ScheduledAlert, ThrottleWindow
from notifications.sending import keys, scheduling
from notifications.sending.alerting import Alert, Found
from notifications.sending.named_audiences import Listed

#: Windows that ended longer ago are deleted.
KEPT = timedelta(hours=1)

#: Alerts that are held in a window: they are sent in one transaction, for which whoever calls waits.
HELD = 1000

#: Ends that are so close are one: of calls at the same time, the one that waited has the earlier time.
CLOSE = timedelta(seconds=1)

#: When a window ends that nothing has opened yet.
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def admit(alerts: Sequence[Alert]) -> tuple[list[Alert], list[ScheduledAlert]]:
    """Those of ``alerts`` that are sent now, to whom they are sent now; and what is held, stored.

    Belongs to the open transaction, which has their keys alone. No query where none has ``throttle``.
    """
    throttled = [described for described in alerts if described.throttle]
    if not throttled:
        return list(alerts), []
    # After all keys and in one order, as whoever sends what was held.
    windows = {scope: _Window(scope) for scope in sorted({scope_of(*one) for one in _each(throttled)})}
    now, held = list[Alert](), list[ScheduledAlert]()
    for described in alerts:
        if not described.throttle:
            now.append(described)
            continue
        # What many share is not held: each of them has had another number.
        at_once: list[Found | Listed] = [one for one in described.to if not isinstance(one, User)]
        for _, person in _each([described]):
            until = None if _has(person, described.key) else windows[scope_of(described, person)].admit(described)
            if until is None:
                at_once.append(person)
            else:
                held.append(windows[scope_of(described, person)].hold(replace(described, to=(person,)), until))
        now.append(replace(described, to=tuple(at_once)))
    return now, held


def _each(alerts: Iterable[Alert]) -> Iterator[tuple[Alert, User]]:
    return ((described, one) for described in alerts for one in described.to if isinstance(one, User))


def _has(person: User, key: str | None) -> bool:
    """Whether the person has an alert with this key: then it is neither sent nor held."""
    return key is not None and Notification.objects.filter(key=key, user=person).exists()


def scope_of(described: Alert, person: User) -> str:
    """What has a window of its own: alerts of one kind and one ``group_by`` to one person."""
    named = json.dumps([written(person.pk), described.kind, described.group_by])
    return hashlib.sha256(named.encode()).hexdigest()


class _Window:
    """The window of a scope, held for the open transaction."""

    def __init__(self, scope: str) -> None:
        self._row, self._now = _locked(scope)

    def admit(self, described: Alert) -> datetime | None:
        """When it ends, where the alert is to be held; None where it is sent now, which opens it.

        No alert waits longer than its own ``throttle``: with a shorter one the window, and all that is held, ends
        sooner.
        """
        if self._row.ends_at > self._now or held_in(self._row.scope).exists():
            own_end = self._now + timedelta(seconds=described.throttle)
            if own_end < self._row.ends_at - CLOSE:
                self._row.ends_at = own_end
                self._row.save(update_fields=["ends_at"])
                scheduling.move(held_in(self._row.scope), own_end)
            return self._row.ends_at
        self.open(described.throttle)
        return None

    def hold(self, described: Alert, until: datetime) -> ScheduledAlert:
        """Store what is to be held; where there are too many, one of the oldest is only counted from now on."""
        stored = scheduling.store(described, until, scope=self._row.scope)
        # The very oldest stays, whose job sends all.
        beyond = held_in(self._row.scope).order_by("-pk").values_list("pk", flat=True)[HELD - 1 : HELD + 1]
        if stored.is_new and len(found := list(beyond)) > 1:
            ScheduledAlert.objects.filter(pk=found[0]).delete()
            self._row.only_counted += 1
            self._row.save(update_fields=["only_counted"])
        return stored

    @property
    def only_counted(self) -> int:
        """How many came besides those that are held."""
        return self._row.only_counted

    def open(self, seconds: float) -> datetime:
        """From now on others are held for so long, and counted from zero; returns its end."""
        self._row.ends_at = self._now + timedelta(seconds=seconds)
        self._row.only_counted = 0
        self._row.save(update_fields=["ends_at", "only_counted"])
        return self._row.ends_at


def _locked(scope: str) -> tuple[ThrottleWindow, datetime]:
    """The row, and the time of the database."""
    while True:
        ThrottleWindow.objects.bulk_create([ThrottleWindow(scope=scope, ends_at=_NEVER)], ignore_conflicts=True)
        rows = ThrottleWindow.objects.select_for_update().annotate(now=Now())
        for row in rows.filter(scope=scope):  # none where it was deleted at this moment
            found: Any = row
            return row, found.now


def held_in(scope: str) -> QuerySet[ScheduledAlert]:
    """What is held in a window, and can be sent."""
    return ScheduledAlert.objects.filter(scope=scope, failure="")


def close(scopes: Iterable[str]) -> None:
    """Have the next alert of these be a first one: what had opened the window was taken back in its transaction."""
    ThrottleWindow.objects.filter(scope__in=list(scopes)).update(ends_at=_NEVER)


def taken(row: ScheduledAlert) -> list[Alert]:
    """What is held with this alert, as it is to be sent now: deleted, and the next window is open.

    What is held with a key by a transaction that is not committed waits for the end of that window.
    """
    known = {key for key in held_in(row.scope).values_list("key", flat=True) if key is not None}
    keys.hold(known, alone=known)
    window = _Window(row.scope)
    ready = held_in(row.scope).filter(Q(key=None) | Q(key__in=known))
    held = list(ready.select_for_update().order_by("pk"))
    if row.pk not in {one.pk for one in held}:
        return []
    ScheduledAlert.objects.filter(pk__in=[one.pk for one in held]).delete()
    alerts = scheduling.alerts_in(held)
    counted = window.only_counted
    scheduling.move(held_in(row.scope), window.open(alerts[-1].throttle))
    # What joins nothing by itself is one row, which nothing else joins.
    together = f"throttled:{row.pk}" if len(alerts) + counted > 1 else ""
    alerts = [replace(one, throttle=0.0, group_by=one.group_by or together) for one in alerts]
    alerts[-1] = replace(alerts[-1], count=1 + counted)
    return alerts


def prune() -> int:
    """Delete the windows that are over and in which nothing is held; returns how many."""
    over = ThrottleWindow.objects.filter(ends_at__lt=Now() - KEPT)
    with transaction.atomic():
        return over.exclude(scope__in=ScheduledAlert.objects.exclude(scope="").values("scope")).delete()[0]
