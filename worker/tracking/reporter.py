"""One thread for all jobs that run in this process: it tells and stores how far they are, and hears who is to stop."""

import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from hub.logs import get_logger
from worker import events
from worker.tracking import publishing, stored
from worker.tracking.handle import JobHandle

log = get_logger(__name__)

#: Seconds between two turns, in each of which a job is told of once at most; and from the beginning of a job to the
#: first look into the database, and between two of them. So the database hears nothing of short jobs.
TURN: Final = 0.2
LOOK: Final = 1.0


@dataclass(slots=True)
class _Running:
    """A job that runs here. Versions are of its handle, times of the process's clock."""

    handle: JobHandle
    user_id: str
    told: int
    stored: int
    stored_at: float
    looked_at: float


_lock = threading.Lock()
_running: dict[int, _Running] = {}
_thread: threading.Thread | None = None


def start(handle: JobHandle, user_id: str) -> None:
    """Tell how far the job is and show that it runs, until :func:`release` or the end of this process."""
    global _thread
    with _lock:
        now = time.monotonic()
        _running[id(handle)] = _Running(handle, user_id, handle.version, handle.version, now, now)
        # A child of the worker has the variables of its parent and none of its threads.
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_report_for_ever, name="hub-tracked-jobs", daemon=True)
            _thread.start()


def release(handle: JobHandle) -> None:
    """The run has ended: say nothing of it any more. Its end tells how far it came."""
    with _lock:
        _running.pop(id(handle), None)


def _report_for_ever() -> None:
    try:
        _report_while_jobs_run()
    finally:
        connection.close()


def _report_while_jobs_run() -> None:
    global _thread
    while True:
        time.sleep(TURN)
        with _lock:
            if _thread is not threading.current_thread():
                return
            running = list(_running.values())
            if not running:
                _thread = None
                return
        for one in running:
            _tell_safely(one)
        try:
            if due := [one for one in running if time.monotonic() - one.looked_at >= LOOK]:
                _look(due)
        except Exception as error:  # noqa: BLE001  # whatever it is, the next turn may come through
            log.warning("job_not_reported", error=type(error).__name__)
            connection.close()  # it may be broken


def _tell_safely(one: _Running) -> None:
    """Tell of one job; what goes wrong with it is not the others' business."""
    try:
        _tell(one)
    except Exception as error:  # noqa: BLE001  # whatever it is, the next turn may come through
        log.warning("job_not_reported", job=one.handle.id, error=type(error).__name__)


def _tell(one: _Running) -> None:
    handle = one.handle
    if handle.version == one.told:
        return
    one.told = handle.version
    lines = [events.LogLine(*line) for line in handle.take_new_lines()]
    columns: dict[str, Any] = handle.columns()
    numbers = {name: events.number(columns[name]) for name in ("done", "total")}
    publishing.publish_progress(
        events.JobProgressed(handle.id, **numbers, text=columns["text"], lines=lines), one.user_id
    )


def _look(running: list[_Running]) -> None:
    now = time.monotonic()
    for one in running:
        one.looked_at = now
    for one in running:
        version = one.handle.version
        if version == one.stored and now - one.stored_at < stored.HEARTBEAT_INTERVAL:
            continue
        stored.report({one.handle.id: one.handle.columns() if version != one.stored else {}})
        one.stored, one.stored_at = version, now
    wanted = set(stored.to_be_cancelled([one.handle.id for one in running]))
    for one in running:
        if one.handle.id in wanted:
            one.handle.stop()
