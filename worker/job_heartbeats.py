"""Signs of life of the jobs that run in this process, so that none of them is taken for lost however long it runs."""

import threading
import time
from collections import Counter

import structlog
from django.db import connection

from worker import jobs

log = structlog.get_logger(__name__)

_lock = threading.Lock()
#: How many runs of a job, with its nonce, there are in this process, and those whose beginning is not stored yet.
_running: Counter[tuple[str, str | None]] = Counter()
_not_begun: set[tuple[str, str | None]] = set()
_thread: threading.Thread | None = None


def hold(job_id: str, nonce: str | None = None, *, begun: bool = True) -> None:
    """Show every few seconds that the job runs, until :func:`let_go` or the end of this process.

    Where it could not be stored that it has begun, that is made up for.
    """
    global _thread
    with _lock:
        _running[job_id, nonce] += 1
        if not begun:
            _not_begun.add((job_id, nonce))
        # A child of the worker has the variables of its parent and none of its threads.
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_show_life, name="hub-jobs", daemon=True)
            _thread.start()


def let_go(job_id: str, nonce: str | None = None) -> None:
    """A run that was held has ended, in whatever way; another one of the same job may still be held."""
    run = job_id, nonce
    with _lock:
        _running[run] -= 1
        if _running[run] <= 0:
            del _running[run]
            _not_begun.discard(run)


def _show_life() -> None:
    global _thread
    while True:
        time.sleep(jobs.HOLD_BEAT)
        with _lock:
            if _thread is not threading.current_thread():  # another one shows it, and begins what has to be begun
                return
            held, not_begun = set(_running), set(_not_begun)
            if not held:
                _thread = None
                return
        try:
            _show(held, not_begun)
        except Exception as error:  # noqa: BLE001  # whatever it is, the next sign may come through
            log.warning("job_not_noted", error=type(error).__name__)


def _show(held: set[tuple[str, str | None]], not_begun: set[tuple[str, str | None]]) -> None:
    try:
        jobs.hold(held)
        for run in not_begun:
            jobs.begin(*run)
            with _lock:
                _not_begun.discard(run)
    finally:
        connection.close()
