"""What the hub's workers do regularly, and how the beat of any project is told to send it.

Imports nothing of Django: a project calls :func:`schedule` before its apps are loaded.
"""

from dataclasses import dataclass
from typing import Any

from celery import Celery

#: For ``beat_scheduler`` in the configuration of Celery.
SCHEDULER = "worker.beat.HubScheduler"


@dataclass(frozen=True, slots=True)
class RegularTask:
    """A task that is sent every ``interval`` seconds.

    Args:
        name: of the task.
        interval: in seconds.
        delay: seconds from the start of the hub's own beat to the first time.
        timeout: seconds after which nobody need run it any more; the interval, if it is 0.
    """

    name: str
    interval: float
    delay: float = 0.0
    timeout: float = 0.0

    @property
    def expires(self) -> float:
        """Seconds after which a message that no worker took expires, so that they never pile up."""
        return self.timeout or self.interval


REGULAR_TASKS = (
    RegularTask("worker.heartbeat.beat_from_worker", interval=10.0),
    RegularTask("worker.maintenance.sweep", interval=10.0),
    RegularTask("worker.maintenance.send_overdue_jobs", interval=5.0, timeout=60.0),
    RegularTask("worker.maintenance.mark_lost_jobs", interval=5.0, timeout=30.0),
    RegularTask("worker.maintenance.restart_distributions", interval=30.0),
    RegularTask("worker.maintenance.withdraw_expired_alerts", interval=30.0),
    RegularTask("worker.maintenance.send_due_schedules", interval=5.0, timeout=30.0),
    RegularTask("worker.maintenance.compare_schedules", interval=60.0, delay=30.0),
    RegularTask("worker.maintenance.wake_snoozed", interval=2.0, timeout=30.0),
    RegularTask("worker.maintenance.prune", interval=600.0, delay=60.0),
    RegularTask("worker.maintenance.tidy", interval=3600.0, delay=120.0),
)


def expires(name: str) -> float:
    """Seconds after which a message of the regular task ``name`` expires."""
    (found,) = (task.expires for task in REGULAR_TASKS if task.name == name)
    return found


def is_hubs(scheduler: str) -> bool:
    """Whether this is the path of the hub's scheduler, as Celery may have it: with a point or a colon."""
    return scheduler.replace(":", ".") == SCHEDULER


def schedule(app: Celery) -> None:
    """Have the beat of ``app`` send :data:`REGULAR_TASKS`, unless its scheduler is the hub's, which does by itself."""

    def add(sender: Celery, **_: Any) -> None:
        if not is_hubs(sender.conf.beat_scheduler):
            # They expire by themselves: some schedulers do not pass on an option that says so.
            for task in REGULAR_TASKS:
                sender.add_periodic_task(task.interval, sender.signature(task.name), name=task.name)

    app.on_after_configure.connect(add, weak=False)
