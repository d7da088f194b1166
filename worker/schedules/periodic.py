"""Periodic tasks of django-celery-beat, which the pages of schedules show and the admin changes."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db.models import QuerySet
from django.utils import timezone

from worker import due_times
from worker.schedules import cron, wording


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A periodic task, and when it is due next; None where it is not, or where only beat knows, as of solar events."""

    pk: int
    name: str
    task: str
    schedule: str
    is_on: bool
    next_at: datetime | None
    row: Any

    def due_times(self, after: datetime) -> Iterator[datetime]:
        """Its due times that are later than ``after``, in order."""
        return _due_times(self.row, after)

    @property
    def zone(self) -> ZoneInfo | None:
        """The time zone of its crontab; None where it has none and goes by no clocks."""
        return None if self.row.crontab is None else ZoneInfo(str(self.row.crontab.timezone))


def periodic_tasks() -> list[ListedTask]:
    """The periodic tasks that somebody made in the admin or in code, by name; none without django-celery-beat."""
    return _listed(lambda rows: rows.order_by("name"))


def periodic_tasks_after(pk: int, *, limit: int) -> list[ListedTask]:
    """The first ``limit`` periodic tasks with keys beyond this one, in their order."""
    return _listed(lambda rows: rows.filter(pk__gt=pk).order_by("pk")[:limit])


def periodic_task(pk: int) -> ListedTask | None:
    """The periodic task with this key; None where there is none."""
    return next(iter(_listed(lambda rows: rows.filter(pk=pk))), None)


def _listed(chosen: Callable[[QuerySet[Any]], QuerySet[Any]]) -> list[ListedTask]:
    if not apps.is_installed("django_celery_beat"):
        return []
    from django_celery_beat.models import PeriodicTask

    rows = chosen(PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked"))
    now = timezone.now()
    return [
        ListedTask(row.pk, row.name, row.task, _words(row), row.enabled, next(_due_times(row, now), None), row)
        for row in rows
    ]


def _words(row: Any) -> str:
    """When it is due, as the pages say it of schedules; what they have no words for, as django-celery-beat says it."""
    if row.crontab is not None:
        return _words_of_crontab(row.crontab)
    every = row.interval
    if every is None or every.period == every.MICROSECONDS:
        return str(row.scheduler)
    return wording.pause(every.every, every.period)


def _words_of_crontab(row: Any) -> str:
    fields = (row.minute, row.hour, row.day_of_month, row.month_of_year, row.day_of_week)
    try:
        read = cron.read(" ".join(field.replace(" ", "") for field in fields))
    except cron.BadCron:
        return str(row)
    # Celery means the days that are in both lists, cron those in either.
    return str(row) if read.names_days and read.names_weekdays else f"{wording.of_cron(read)}, {row.timezone}"


def _due_times(row: Any, after: datetime) -> Iterator[datetime]:
    if not row.enabled:
        return
    found = _of_schedule(row, after)
    if row.one_off:
        found = islice(found, 0 if row.total_run_count else 1)
    with suppress(ValueError, OverflowError):  # what somebody wrote into the row past all checks
        yield from found if row.expires is None else takewhile(lambda moment: moment < row.expires, found)


def _of_schedule(row: Any, after: datetime) -> Iterator[datetime]:
    """As :class:`worker.beat.HubEntry` finds them, which looks back where this looks ahead."""
    start = row.start_time
    if row.interval_id is not None:
        every: timedelta = row.schedule.run_every
        ran_at = row.last_run_at
        first = start if ran_at is None else max(ran_at + every, start or ran_at)
        return due_times.of_interval(every, after, first=first)
    if start is not None:
        after = max(after, start - timedelta(microseconds=1))
    if row.crontab_id is not None:
        return due_times.of_crontab(row.schedule, after)
    if row.clocked_id is not None:
        return iter([row.clocked.clocked_time] if row.clocked.clocked_time > after else [])
    return iter([])
