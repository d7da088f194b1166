"""Signs of life of the jobs that run in this process, so that none of them is taken for lost however long it runs."""

import threading
import time

import structlog
from celery import signals
from django.db import DatabaseError, InterfaceError, connection

from worker import jobs

log = structlog.get_logger(__name__)

_lock = threading.Lock()
_running: set[str] = set()
_thread: threading.Thread | None = None


def hold(job_id: str) -> None:
    """Show every few seconds that the job runs, until it ends or this process does."""
    global _thread
    with _lock:
        _running.add(job_id)
        # A child of the worker has the variables of its parent and none of its threads.
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_show_life, name="hub-jobs", daemon=True)
            _thread.start()


@signals.task_postrun.connect
def let_go(task_id: str, **kwargs: object) -> None:
    """The task has ended, in whatever way."""
    with _lock:
        _running.discard(task_id)


def _show_life() -> None:
    global _thread
    while True:
        time.sleep(jobs.HOLD_BEAT)
        with _lock:
            held = set(_running)
            if not held:
                _thread = None
                return
        try:
            jobs.hold(held)
        except (DatabaseError, InterfaceError) as error:
            log.warning("job_not_noted", error=type(error).__name__)
        finally:
            connection.close()
