"""Periodic maintenance tasks: the outbox sweeper, overdue jobs, snoozed alerts, retention and tidying."""

import math
import time
from dataclasses import dataclass
from typing import Any

from celery import shared_task
from django.db import DatabaseError, InterfaceError
from django.db.models import Q

from hub.config.queues import BULK, DEFAULT, DELIVERIES, Purpose, queue_named
from hub.database import deletions, heartbeats, pruning
from hub.logs import get_logger
from hub.presence import process_rows
from hub.publishing import idempotency, sweeper
from hub.streams import retention, sharing
from hub.validation import lookalikes
from notifications.inbox import organizing
from notifications.sending import distributing, expiring, scheduling
from worker import jobs, queues, sending
from worker.application import application
from worker.operations import pausing
from worker.schedules import periodic_runs, running
from worker.scheduling import expires, regular_tasks
from worker.tracking import losses, stored

log = get_logger(__name__)


@shared_task(ignore_result=True, expires=expires("worker.maintenance.sweep"))
def sweep() -> int:
    """Number and announce what a crash left without an offset; returns how many publications."""
    return sweeper.sweep()


@shared_task(ignore_result=True, expires=expires("worker.maintenance.send_overdue_jobs"))
def send_overdue_jobs() -> int:
    """Send again the jobs that nothing was heard of for too long; returns how many.

    It stands in the queue like any other task. So when it runs, all that was in that queue before it has been taken,
    and a long queue does not make itself longer. Where alerts or large work have a queue of their own, that has a task
    like this one.
    """
    return sending.send_overdue(only=~Q(queue__in=queues.separate() | pausing.paused()))


@shared_task(ignore_result=True, expires=expires("worker.maintenance.send_overdue_deliveries"))
def send_overdue_deliveries() -> int:
    """As :func:`send_overdue_jobs`, in the queue of alerts."""
    return _send_overdue_of(DELIVERIES)


@shared_task(ignore_result=True, expires=expires("worker.maintenance.send_overdue_bulk"))
def send_overdue_bulk() -> int:
    """As :func:`send_overdue_jobs`, in the queue of large work."""
    return _send_overdue_of(BULK)


def _send_overdue_of(purpose: Purpose) -> int:
    name = queues.actual(purpose)
    return sending.send_overdue(only=Q(queue=name)) if name in queues.separate() else 0


@shared_task(ignore_result=True, expires=expires("worker.maintenance.mark_lost_jobs"))
def mark_lost_jobs() -> int:
    """Write down of tracked jobs that nobody runs any more what has become of them; returns of how many."""
    return losses.mark_lost()


@shared_task(ignore_result=True, expires=expires("worker.maintenance.restart_distributions"))
def restart_distributions() -> int:
    """Start the jobs again that were lost, of distributions and of alerts for later; returns how many."""
    return distributing.restart_lost() + scheduling.restart_lost()


@shared_task(ignore_result=True, expires=expires("worker.maintenance.withdraw_expired_alerts"))
def withdraw_expired_alerts() -> int:
    """Delete the alerts that have expired, and blank their publications; returns how many."""
    return expiring.sweep()


@shared_task(ignore_result=True, expires=expires("worker.maintenance.send_due_schedules"))
def send_due_schedules() -> int:
    """Send what is due by schedules; returns how many due times. The hub's own beat does so by itself, and earlier."""
    return running.send_due()


@shared_task(ignore_result=True, expires=expires("worker.maintenance.compare_schedules"))
def compare_schedules() -> int:
    """Compare what was due with what ran, and have what differs found again; returns how many schedules differed.

    Write down besides how the tasks have ended that were sent for periodic tasks.
    """
    periodic_runs.settle()
    return running.compare()


@shared_task(ignore_result=True, expires=expires("worker.maintenance.wake_snoozed"))
def wake_snoozed() -> int:
    """Bring back the alerts that were snoozed until now; returns how many. Until then they stand in the database."""
    return organizing.wake()


@shared_task(ignore_result=True, expires=expires("worker.maintenance.prune"))
def prune() -> int:
    """Delete the publications, and the rows of apps, that need not be kept any more; returns how many."""
    return retention.prune() + pruning.prune_apps()


@shared_task(ignore_result=True, expires=expires("worker.maintenance.tidy"))
def tidy() -> None:
    """Delete what nobody asks for any more: heartbeats of parts that are long gone, the presence rows of web processes
    that died, idempotency keys, data that publications have shared, jobs that failed or ended long ago, and what
    referred to rows that were deleted. Learn the names that were stored without a signal."""
    heartbeats.prune()
    process_rows.forget()
    idempotency.forget_old()
    sharing.forget_unused()
    jobs.prune()
    stored.prune()
    deletions.follow_up()
    lookalikes.complete()


@dataclass(slots=True)
class MaintenanceTask:
    """A task of the hub's own that beat sends every ``interval`` seconds, the first time ``delay`` after its start.

    One that no worker took within ``expires`` seconds expires. One that could not be sent is not made up for: the next
    one does its work.
    """

    task: Any
    queue: str | None
    interval: float
    delay: float
    expires: float
    due_at: float = 0.0

    def start(self) -> None:
        """Count from now on."""
        self.due_at = time.monotonic() + self.delay

    def send_if_due(self) -> None:
        """Send the task if it is time; a broker that is away is logged. Takes no longer than the broker's timeout.

        Not into a queue that is paused, and not into that of large work while no worker reads it: nobody would take it
        out in time, and they would pile up there without end.
        """
        if time.monotonic() < self.due_at:
            return
        self.due_at = time.monotonic() + self.interval
        if self._is_paused() or self._is_unread():
            return
        try:
            self.task.apply_async(expires=self.expires, queue=self.queue)
        except Exception as error:  # noqa: BLE001  # whatever the broker's library raises, beat goes on
            log.warning("broker_away", task=self.task.name, error=type(error).__name__)

    def _is_paused(self) -> bool:
        try:
            return (self.queue or queues.actual(DEFAULT)) in pausing.paused()
        except (DatabaseError, InterfaceError):  # it is away: workers that have theirs may be there
            return False

    def _is_unread(self) -> bool:
        """Whether nobody reads the queue of large work, which workers say by themselves. Of others a task has to."""
        if self.task.name != send_overdue_bulk.name:
            return False
        try:
            return heartbeats.ages().get(heartbeats.worker_of(BULK), math.inf) > heartbeats.MISSING_AFTER
        except (DatabaseError, InterfaceError):
            return False


def maintenance_tasks() -> list[MaintenanceTask]:
    """The hub's own, for one beat."""
    tasks = application().tasks
    return [
        MaintenanceTask(tasks[one.name], queue_named(one.queue) or None, one.interval, one.delay, one.expires)
        for one in regular_tasks()
    ]
