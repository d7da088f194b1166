"""A schedule of every hour, and time that passes for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from notifications.models import Notification
from worker.maintenance import send_due_schedules
from worker.schedules import ScheduleHandle, schedule
from worker.schedules.models import RunStatus, Schedule, ScheduleRun

#: Every hour.
TIMES = [f"{hour:02}:00" for hour in range(24)]


HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def hourly(**others: Any) -> ScheduleHandle:
    return schedule(**{"to": "everyone", "message": "Stand-up", "every": HOUR, **others})


def pass_time(row: Schedule, by: timedelta) -> None:
    """Have the schedule be as if so much time had passed since, and nothing had run."""
    row.refresh_from_db()
    earlier = {
        name: value and value - by
        for name in ("starts_at", "ends_at", "handled_until", "next_at", "created_at")
        for value in [getattr(row, name)]
    }
    Schedule.objects.filter(pk=row.pk).update(**earlier, is_planned=row.is_planned)
    for run in sorted(row.runs.all(), key=lambda run: run.due_at, reverse=by < timedelta(0)):
        ScheduleRun.objects.filter(pk=run.pk).update(due_at=run.due_at - by, ran_at=run.ran_at - by)
    row.refresh_from_db()


def runs(status: RunStatus = RunStatus.SENT) -> int:
    return ScheduleRun.objects.filter(status=status).count()


def sent() -> int:
    return Notification.objects.count()


def send_all() -> None:
    """Send what is due, in as many calls as that takes."""
    while Schedule.objects.filter(next_at__lte=timezone.now()).exists():
        send_due_schedules()
