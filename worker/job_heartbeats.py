"""Heartbeats of the jobs that run in this process: a job that runs for long is not taken for lost."""

import threading
import time
from collections import Counter
from typing import Final

from django.db import connection

from hub.logs import get_logger
from worker import jobs

log = get_logger(__name__)

#: Of the pause between two heartbeats, for how much a run has just begun.
YOUNG: Final = 0.2

_lock = threading.Lock()
#: How many runs of a job, with its nonce, there are in this process, since when, and those whose beginning is not
#: stored yet.
_running: Counter[tuple[str, str | None]] = Counter()
_since: dict[tuple[str, str | None], float] = {}
_not_begun: set[tuple[str, str | None]] = set()
_thread: threading.Thread | None = None


def start(job_id: str, nonce: str | None = None, *, begun: bool = True) -> None:
    """Write a heartbeat for the job every few seconds, until :func:`release` or the end of this process.

    Not for one that has just begun, which counts for long enough: the database hears nothing of short jobs.
    With ``begun=False`` it also stores that the job has begun, because that failed before.
    """
    global _thread
    with _lock:
        _running[job_id, nonce] += 1
        _since.setdefault((job_id, nonce), time.monotonic())
        if not begun:
            _not_begun.add((job_id, nonce))
        # A child of the worker has the variables of its parent and none of its threads.
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_heartbeat_for_ever, name="hub-jobs", daemon=True)
            _thread.start()


def release(job_id: str, nonce: str | None = None) -> None:
    """A run has ended, in whatever way: stop its heartbeat. Other runs of the same job keep theirs."""
    run = job_id, nonce
    with _lock:
        _running[run] -= 1
        if _running[run] <= 0:
            del _running[run]
            _since.pop(run, None)
            _not_begun.discard(run)


def _heartbeat_for_ever() -> None:
    global _thread
    while True:
        time.sleep(jobs.HEARTBEAT_INTERVAL)
        with _lock:
            if _thread is not threading.current_thread():  # another one shows it, and begins what has to be begun
                return
            if not _running:
                _thread = None
                return
            just_begun = time.monotonic() - jobs.HEARTBEAT_INTERVAL * YOUNG
            running, not_begun = {run for run in _running if _since[run] <= just_begun}, set(_not_begun)
        try:
            if running or not_begun:
                _show(running, not_begun)
        except Exception as error:  # noqa: BLE001  # whatever it is, the next sign may come through
            log.warning("job_not_noted", error=type(error).__name__)


def _show(running: set[tuple[str, str | None]], not_begun: set[tuple[str, str | None]]) -> None:
    try:
        jobs.heartbeat(running)
        for run in not_begun:
            jobs.begin(*run)
            with _lock:
                _not_begun.discard(run)
    finally:
        connection.close()
