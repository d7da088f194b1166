"""Very many schedules, and how late their alerts are."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from hub.models import Publication
from lab.bench.frames import message
from lab.bench.publishers import log_in_names
from worker.schedules import schedule
from worker.schedules.models import RunStatus, Schedule, ScheduleRun

#: Minutes between two due times of a schedule.
EVERY = 10


def make_schedules(count: int, people: int) -> dict[str, int]:
    """Make ``count`` schedules to one person each, with due times spread evenly; the first are due in a moment."""
    every, start = timedelta(minutes=EVERY), timezone.now().replace(microsecond=0) + timedelta(seconds=10)
    first = schedule(to=_name(0), message=message(100), every=every, start=start).row
    Schedule.objects.bulk_create(
        (
            Schedule(
                contents={**first.contents, "to": [_name(number % people)]},
                rule=first.rule,
                zone=first.zone,
                starts_at=start + every * number / count,
                next_at=start + every * number / count,
                handled_until=start - timedelta(seconds=1),
                is_planned=True,
            )
            for number in range(1, count)
        ),
        batch_size=1000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"count": Schedule.objects.count()}


def schedules_at_once(count: int, people: int) -> dict[str, float]:
    """Make ``count`` schedules that are due in the same second, once, and no others; ``due`` is that second."""
    Schedule.objects.update(next_at=timezone.now() + timedelta(days=1))
    due = timezone.now().replace(microsecond=0) + timedelta(seconds=10)
    first = schedule(to=_name(0), message=message(100), at=due).row
    Schedule.objects.bulk_create(
        Schedule(
            contents={**first.contents, "to": [_name(number % people)]},
            rule=first.rule,
            zone=first.zone,
            next_at=due,
            handled_until=first.handled_until,
            is_planned=True,
        )
        for number in range(1, count)
    )
    return {"due": due.timestamp()}


def schedules_over() -> dict[str, int]:
    """How many due times are over."""
    return {"over": ScheduleRun.objects.count()}


def schedules_sent() -> dict[str, list[list[float]]]:
    """Of each due time that is over when it was due, and how many seconds later its alert was on its way; -1 of one
    that was not sent.
    """
    runs = list(ScheduleRun.objects.values_list("due_at", "status", "publications"))
    rows = Publication.objects.values_list("pk", "sequenced_at")
    numbered = {pk: at for pk, at in rows if at is not None}
    found = []
    for due_at, status, publications in runs:
        sent = [numbered[pk] for pk in publications if pk in numbered]
        is_sent = status == RunStatus.SENT and sent
        found.append([due_at.timestamp(), (max(sent) - due_at).total_seconds() if is_sent else -1.0])
    return {"sent": found}


def _name(person: int) -> str:
    return f"user:{log_in_names.of(person)}"
