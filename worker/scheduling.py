"""What the hub's workers do regularly, and how the beat of any project is told to send it.

Imports nothing of Django: a project calls :func:`schedule` before its apps are loaded.
"""

from dataclasses import dataclass
from typing import Any

from celery import Celery

from hub.config.queues import Purpose, queue_named

#: For ``beat_scheduler`` in the configuration of Celery.
SCHEDULER = "worker.beat.HubScheduler"

#: The lease of the beat that sends; others wait.
BEAT_LEASE = "beat"


@dataclass(frozen=True, slots=True)
class RegularTask:
    """A task that is sent every ``interval`` seconds.

    Args:
        name: of the task.
        interval: in seconds.
        delay: seconds from the start of the hub's own beat to the first time.
        timeout: seconds after which nobody need run it any more; the interval, if it is 0.
        queue: what it waits in, by what that is for.
    """

    name: str
    interval: float
    delay: float = 0.0
    timeout: float = 0.0
    queue: Purpose = "deliveries"

    @property
    def expires(self) -> float:
        """Seconds after which a message that no worker took expires, so that they never pile up."""
        return self.timeout or self.interval


REGULAR_TASKS = (
    RegularTask("worker.heartbeat.beat_from_worker", interval=10.0),
    RegularTask("worker.maintenance.sweep", interval=10.0),
    RegularTask("worker.maintenance.send_overdue_jobs", interval=5.0, timeout=60.0, queue="default"),
    RegularTask("worker.maintenance.send_overdue_deliveries", interval=5.0, timeout=60.0),
    RegularTask("worker.maintenance.send_overdue_bulk", interval=5.0, timeout=60.0, queue="bulk"),
    RegularTask("worker.maintenance.mark_lost_jobs", interval=5.0, timeout=30.0),
    RegularTask("worker.maintenance.restart_distributions", interval=30.0),
    RegularTask("worker.maintenance.withdraw_expired_alerts", interval=30.0),
    RegularTask("worker.maintenance.send_due_schedules", interval=5.0, timeout=30.0),
    RegularTask("worker.maintenance.compare_schedules", interval=60.0, delay=30.0, queue="default"),
    RegularTask("worker.maintenance.wake_snoozed", interval=2.0, timeout=30.0),
    RegularTask("worker.maintenance.prune", interval=600.0, delay=60.0, queue="default"),
    RegularTask("worker.maintenance.tidy", interval=3600.0, delay=120.0, queue="default"),
)

#: Of use where the queue has a name of its own: else they find what :data:`REGULAR_TASKS` has for the default queue.
_OUTBOXES = ("worker.maintenance.send_overdue_deliveries", "worker.maintenance.send_overdue_bulk")


def regular_tasks() -> list[RegularTask]:
    """Those of :data:`REGULAR_TASKS` that are of use with the queues that there are."""
    return [task for task in REGULAR_TASKS if task.name not in _OUTBOXES or queue_named(task.queue)]


def expires(name: str) -> float:
    """Seconds after which a message of the regular task ``name`` expires."""
    (found,) = (task.expires for task in REGULAR_TASKS if task.name == name)
    return found


def is_hubs(scheduler: str) -> bool:
    """Whether this is the path of the hub's scheduler, as Celery may have it: with a point or a colon."""
    return scheduler.replace(":", ".") == SCHEDULER


def schedule(app: Celery) -> None:
    """Have the beat of ``app`` send the regular tasks, unless its scheduler is the hub's, which does by itself."""

    def add(sender: Celery, **_: Any) -> None:
        if not is_hubs(sender.conf.beat_scheduler):
            # They expire by themselves: some schedulers do not pass on an option that says so.
            for task in regular_tasks():
                options: dict[str, Any] = {"queue": name} if (name := queue_named(task.queue)) else {}
                sender.add_periodic_task(task.interval, sender.signature(task.name), name=task.name, **options)

    app.on_after_configure.connect(add, weak=False)
