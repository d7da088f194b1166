"""What Celery is told for operations: messages say when they were sent, and workers can be paused and drained."""

import time
from typing import Any, Final

from celery import signals

#: In each message: when it was sent, in seconds since 1970 on the clock of whoever sent it.
SENT_AT: Final = "hub_sent_at"


@signals.before_task_publish.connect
def _stamp(headers: Any = None, **kwargs: Any) -> None:
    if isinstance(headers, dict):
        headers.setdefault(SENT_AT, time.time())


@signals.worker_init.connect
def _add_control(sender: Any, **kwargs: Any) -> None:
    """Each worker of a project that has the hub's apps, whoever made its Celery application."""
    from worker.operations.control import Control  # what only a worker needs

    sender.app.steps["consumer"].add(Control)
