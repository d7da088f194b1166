"""Tasks and calls of the row *queues*: alerts that a worker sends, and imports that fill another queue."""

import time

from django.db import transaction

from lab.bench.frames import message
from notifications.models import Topic
from worker.models import Job
from worker.tasks import send_broadcast
from worker.tracking import JobHandle, job

#: Rows of an import, and milliseconds of processor time that each takes beside its transaction.
ROWS, ROW_MS = 10, 1.0


@job(title="Import", name="bench.import_rows", queue="bulk")
def import_rows(handle: JobHandle) -> None:
    """Works for each row, and writes it in a transaction of its own."""
    for number in handle.track(range(ROWS)):
        until = time.perf_counter() + ROW_MS / 1000
        while time.perf_counter() < until:
            pass
        with transaction.atomic():
            Topic.objects.update_or_create(name=f"imported-{number}", defaults={"title": "Imported"})


def fill_bulk(count: int) -> dict[str, int]:
    """Have so many imports wait."""
    for _ in range(count):
        import_rows.delay()
    return bulk_left()


def bulk_left() -> dict[str, int]:
    """How many imports wait or run."""
    return {"left": Job.objects.filter(queue="bulk").count()}


def send_by_worker(size: int) -> dict[str, int]:
    """Have a worker send an alert to everyone; ``began`` is before the call."""
    text = message(size)
    began = time.monotonic_ns()
    send_broadcast.delay(text)
    return {"began": began}
