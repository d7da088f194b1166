"""Periodic maintenance tasks: worker heartbeats, the outbox sweeper, overdue jobs, retention and tidying."""

import time
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.management import call_command

from chat import retention as messages
from hub.database import deletions, heartbeats
from hub.presence import process_rows
from hub.publishing import idempotency, sweeper
from hub.streams import retention
from hub.validation import lookalikes
from notifications import retention as alerts
from worker import jobs, sending
from worker.celery import app
from worker.heartbeat import beat_from_worker

log = structlog.get_logger(__name__)


@app.task(ignore_result=True)
def sweep() -> int:
    """Number and announce what a crash left without an offset; returns how many publications."""
    return sweeper.sweep()


@app.task(ignore_result=True)
def send_overdue_jobs() -> int:
    """Send again the jobs that nothing was heard of for too long; returns how many.

    It stands in the queue like any other task. So when it runs, all that was in that queue before it has been taken,
    and a long queue does not make itself longer.
    """
    return sending.send_overdue()


@app.task(ignore_result=True)
def prune() -> int:
    """Delete the publications, messages and alerts that need not be kept any more; returns how many."""
    return retention.prune() + messages.prune() + alerts.prune()


@app.task(ignore_result=True)
def tidy() -> None:
    """Delete what nobody asks for any more: sessions that have expired, heartbeats of parts that are long gone, the
    presence rows of web processes that died, idempotency keys, jobs that failed long ago, and what referred to rows
    that were deleted. Learn the names that were stored without a signal."""
    call_command("clearsessions")
    heartbeats.prune()
    process_rows.forget()
    idempotency.forget_old()
    jobs.prune()
    deletions.follow_up()
    lookalikes.complete()


@dataclass(slots=True)
class MaintenanceTask:
    """A task of the hub's own that beat sends every ``interval`` seconds, the first time ``delay`` after its start.

    One that no worker took within the interval, or ``timeout`` seconds, expires, so they never pile up. One that
    could not be sent is not made up for: the next one does its work.
    """

    task: Any
    interval: float
    delay: float = 0.0
    timeout: float | None = None
    due_at: float = 0.0

    def start(self) -> None:
        """Count from now on."""
        self.due_at = time.monotonic() + self.delay

    def send_if_due(self) -> None:
        """Send the task if it is time; a broker that is away is logged. Takes no longer than the broker's timeout."""
        if time.monotonic() < self.due_at:
            return
        self.due_at = time.monotonic() + self.interval
        try:
            self.task.apply_async(expires=self.timeout or self.interval)
        except Exception as error:  # noqa: BLE001  # whatever the broker's library raises, beat goes on
            log.warning("broker_away", task=self.task.name, error=type(error).__name__)


def maintenance_tasks() -> list[MaintenanceTask]:
    """The hub's own, for one beat."""
    return [
        MaintenanceTask(beat_from_worker, interval=10.0),
        MaintenanceTask(sweep, interval=10.0),
        MaintenanceTask(send_overdue_jobs, interval=5.0, timeout=60.0),
        MaintenanceTask(prune, interval=600.0, delay=60.0),
        MaintenanceTask(tidy, interval=3600.0, delay=120.0),
    ]
