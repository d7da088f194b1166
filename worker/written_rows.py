"""Periodic tasks that were changed past Django's ``save()``: by ``update()``, in bulk, or in SQL."""

import time
from typing import Any

from django.utils import timezone
from django_celery_beat.models import PeriodicTask

#: Seconds between two looks.
INTERVAL = 5.0

#: What beat runs a row by. When it ran, and how often, is no change.
_COLUMNS = (
    "date_changed",
    "enabled",
    "name",
    "task",
    "args",
    "kwargs",
    "queue",
    "exchange",
    "routing_key",
    "headers",
    "priority",
    "expires",
    "expire_seconds",
    "one_off",
    "start_time",
    "interval__every",
    "interval__period",
    "crontab__minute",
    "crontab__hour",
    "crontab__day_of_month",
    "crontab__month_of_year",
    "crontab__day_of_week",
    "crontab__timezone",
    "clocked__clocked_time",
)


class WrittenRows:
    """Compares the rows of periodic tasks with what they were, every few seconds: one query for all of them."""

    def __init__(self) -> None:
        self._looked_at = float("-inf")
        self._rows: dict[int, tuple[Any, ...]] | None = None

    def look(self) -> bool:
        """Whether rows have changed since the last look; False where that was a moment ago.

        A row that was changed past ``save()`` counts from now, as one that is saved: due times that it did not have
        when they passed are none.
        """
        if time.monotonic() < self._looked_at + INTERVAL:
            return False
        before, self._rows = self._rows, self._read()
        self._looked_at = time.monotonic()
        if before is None or before == self._rows:
            return False
        silent = [
            pk for pk, row in self._rows.items() if pk in before and row != before[pk] and row[0] == before[pk][0]
        ]
        if silent:
            rows = PeriodicTask.objects.filter(pk__in=silent)
            woken = [pk for pk in silent if self._rows[pk][1] and not before[pk][1]]
            rows.filter(pk__in=woken).update(last_run_at=None)
            rows.update(date_changed=timezone.now())
            self._rows = self._read()
        return True

    def _read(self) -> dict[int, tuple[Any, ...]]:
        return {pk: tuple(row) for pk, *row in PeriodicTask.objects.values_list("pk", *_COLUMNS)}
