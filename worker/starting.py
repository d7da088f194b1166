"""What happens when a worker or a beat of Celery starts, the hub's own or that of a project.

Imports nothing of Django: :func:`watch` is called before the apps are loaded.
"""

import logging
from typing import Any

from celery import Celery, signals

from hub.config import refuse_faults
from hub.config.startup_errors import in_one_sentence
from worker.scheduling import REGULAR_TASKS

#: Celery's loggers that write a line for each task that comes and ends.
_TASK_LOGGERS = ("celery.worker.strategy", "celery.app.trace")

#: Tasks that the hub sends to itself every few seconds; a line for each would drown the others.
_QUIET_TASKS = frozenset(task.name for task in REGULAR_TASKS)


def watch(app: Celery) -> None:
    """Have the workers and the beat of ``app`` refuse wrong settings, and write no line for each regular task."""

    def begin(sender: Celery, **_: Any) -> None:
        if sender is not app:
            return
        with in_one_sentence():  # of Django's checks Celery takes no notice
            refuse_faults()
        for name in _TASK_LOGGERS:
            logging.getLogger(name).addFilter(is_worth_a_line)

    signals.import_modules.connect(begin, weak=False, dispatch_uid=f"worker.starting:{id(app)}")


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether the line is of another task than the regular ones, or says that something went wrong."""
    task = record.args.get("name") if isinstance(record.args, dict) else None
    return task not in _QUIET_TASKS or record.levelno > logging.INFO
