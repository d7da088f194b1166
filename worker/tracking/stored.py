"""The rows of tracked jobs: queued, begun, reported, ended. Each change of state is published in the same transaction.

Outside of any other transaction it is one of its own, in which what it publishes is numbered: it publishes last.

A row that has succeeded, or was cancelled, stays so: a run that comes later is told not to begin. One that has failed
may begin again, when somebody sends it again.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from typing import Any, Final, TypeVar

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from hub.database import by_key
from hub.database.by_key import After
from hub.database.finding import find_row
from hub.database.prepared import is_alone
from hub.privacy import ERASED_NAME
from hub.publishing import ending
from hub.users import user_id as id_of
from worker import events
from worker.jobs import ERROR_LIMIT, shortened
from worker.models import JobSource, JobState, TrackedJob
from worker.origins import Origin
from worker.tracking.publishing import publish_state

T = TypeVar("T")

#: Seconds for which a running job counts without a heartbeat, and between two.
HEARTBEAT_TIMEOUT, HEARTBEAT_INTERVAL = 20.0, 5.0

#: How long a job is kept after its end.
RETENTION: Final = timedelta(days=30)

#: Rows that one statement deletes.
CHUNK: Final = 500

#: A job in one of these does not begin again.
_OVER: Final = {JobState.SUCCEEDED, JobState.CANCELLED}

#: What is written into the log of a job that begins again without having been seen to end.
LOST_LINE: Final = "Its worker was lost. It runs again."

#: What is written into the log of a plain task that was cancelled, and begins all the same.
UNHEARD_LINE: Final = "It was cancelled, but no worker heard of that before it began."

TITLE_LIMIT: Final = 200


class Beginning(Enum):
    """What a run of a job is to do."""

    RUN = auto()
    #: It is owed no more, or another call has its id now: nothing.
    NOT_OWED = auto()
    #: It runs, and nobody watches it.
    UNTRACKED = auto()
    #: It has ended already, or was cancelled.
    OVER = auto()
    #: An earlier run was not seen to end, and it is not to run again.
    LOST = auto()


@dataclass(frozen=True, slots=True)
class Begun:
    """What a run is to do, with the row of its job and the id of its owner; empty where there is none."""

    how: Beginning
    row: TrackedJob | None = None
    user_id: str = ""


def _in_one_transaction(work: Callable[[], T]) -> T:
    """What ``work`` returns: all that it writes is stored with what it publishes, which is the last thing it does."""
    # The transaction of somebody else ends when they want, perhaps much later.
    with ending() if is_alone() else transaction.atomic():
        return work()


def queue(
    job_id: str,
    *,
    source: JobSource,
    task: str,
    title: str,
    arguments: str,
    origin: Origin,
    is_replacing: bool = True,
    store_owed: Callable[[], object] = lambda: None,
    **columns_of_plain: Any,
) -> None:
    """Store that a job was called, in the open transaction, and in the same one what ``store_owed`` does.

    What was stored under its id before is forgotten or, without ``is_replacing``, stays: another process was faster.
    ``columns_of_plain`` are those that only plain tasks of Celery have.
    """
    parent = "" if origin.parent == job_id else origin.parent
    owner_key, owner_id = _owner_of(origin)
    if owner_key is None and origin.owner_key is not None and source == JobSource.CELERY:
        # Of somebody who was erased while the message waited at the broker, where nothing can recall it.
        title, arguments, columns_of_plain["call"] = ERASED_NAME, "", ""
    row = TrackedJob(
        id=job_id,
        source=source,
        task=task,
        title=shortened(title, TITLE_LIMIT),
        arguments=arguments,
        owner_id=owner_key,
        parent=parent,
        root=origin.root if parent else "",
        created_at=timezone.now(),
        **columns_of_plain,
    )
    if parent:  # what a job calls that is to end is to end, too: it is not begun
        ends = TrackedJob.objects.filter(Q(ended_at=None) | Q(state=JobState.CANCELLED), pk=parent)
        row.cancel_requested_at = ends.values_list("cancel_requested_at", flat=True).first()

    def store() -> None:
        if by_key.put(row, is_replacing=is_replacing):
            store_owed()
            publish_state(row, owner_id)

    _in_one_transaction(store)


def _owner_of(origin: Origin) -> tuple[Any, str]:
    """The key and the id of who has started it; none of somebody who is erased by now."""
    owner = None if origin.owner_key is None else events.person_of(origin.owner_key)
    return (None, "") if owner is None else (owner.pk, id_of(owner))


def begin(
    job_id: str,
    *,
    reruns: bool = True,
    timeout: float = HEARTBEAT_TIMEOUT,
    begin_owed: Callable[[], bool] = lambda: True,
    **columns_of_plain: Any,
) -> Begun:
    """Store that a job runs now, unless it is not to. It counts for ``timeout`` seconds without a heartbeat.

    ``begin_owed`` is called in the same transaction, and returns whether the run is owed. ``columns_of_plain`` are
    those that only plain tasks of Celery have.
    """
    return _in_one_transaction(partial(_begin, job_id, reruns, timeout, begin_owed, columns_of_plain))


def _begin(
    job_id: str,
    reruns: bool,
    timeout: float,
    begin_owed: Callable[[], bool],
    columns_of_plain: Mapping[str, Any],
) -> Begun:
    row = find_row(TrackedJob, "id", job_id, lock=True)
    if not begin_owed():
        return Begun(Beginning.NOT_OWED, row)
    if row is None:
        return Begun(Beginning.UNTRACKED)
    if row.source == JobSource.CELERY and row.state == JobState.CANCELLED:
        # No worker that has the message was told in time, and none asks here: it runs, whatever people wish.
        _add_line(row, UNHEARD_LINE)
    elif row.state in _OVER:
        return Begun(Beginning.OVER, row)
    elif row.source != JobSource.CELERY and row.cancel_requested_at is not None and row.state != JobState.FAILED:
        _set(row, **_ended(JobState.CANCELLED))
        return Begun(Beginning.OVER, row)
    if was_lost := row.state in {JobState.RUNNING, JobState.LOST}:
        _add_line(row, LOST_LINE)
    if was_lost and not reruns:
        _set(row, **_failed(row, "Its worker was lost while it ran."))
        return Begun(Beginning.LOST, row)
    owner_id = events.owner_id_of(row)
    began: dict[str, Any] = {"state": JobState.RUNNING, "error": "", "ended_at": None, "cancel_requested_at": None}
    began |= {"started_at": row.started_at or timezone.now(), "runs": row.runs + 1, "log": row.log}
    if row.title == ERASED_NAME:  # what the message says is not written again
        columns_of_plain = {**columns_of_plain, "arguments": "", "call": ""}
    _set(row, owner_id, **began, **columns_of_plain, lost_at=After(timeout))
    return Begun(Beginning.RUN, row, owner_id)


def _add_line(row: TrackedJob, text: str) -> None:
    row.log = [*row.log, [timezone.now().isoformat(timespec="milliseconds"), text]]


def report(columns: Mapping[str, Mapping[str, Any]]) -> None:
    """Store how far running jobs are, by their ids, and that they run. Publishes nothing."""
    for job_id, values in columns.items():
        rows = TrackedJob.objects.filter(pk=job_id, state=JobState.RUNNING)
        if not rows.update(**values, lost_at=Now() + timedelta(seconds=HEARTBEAT_TIMEOUT)):
            _revive(job_id)


def _revive(job_id: str) -> None:
    """The job was taken for lost and runs all the same: its worker, or the database, was away for a while."""
    lost_at = After(HEARTBEAT_TIMEOUT)
    running: dict[str, Any] = {"state": JobState.RUNNING, "ended_at": None, "lost_at": lost_at, "error": ""}
    running["failed_at"] = None
    rows = TrackedJob.objects.filter(pk=job_id, state=JobState.LOST)
    _in_one_transaction(lambda: any(_set(row, **running) for row in rows.select_for_update()))


def retrying(job_id: str, error: str) -> None:
    """The run has failed, and there will be another one."""
    _change(job_id, {"state": JobState.RETRYING, "error": shortened(error), "lost_at": None})


def requeue(job_id: str) -> None:
    """The run has given up its turn, and there will be another one."""
    _change(job_id, {"state": JobState.QUEUED, "lost_at": None})


def end(
    job_id: str,
    state: JobState,
    *,
    error: str = "",
    only: Any = None,
    user_id: str | None = None,
    end_owed: Callable[[], object] = lambda: None,
    **columns: Any,
) -> bool:
    """Store that the job is over, and what its last words were; returns False where it was over before.

    With ``only`` nothing where it is not one of these rows (any more). ``end_owed`` is called in the same transaction,
    in any case; ``user_id`` spares a query where the caller knows the id of the owner.
    """
    if state == JobState.FAILED:
        return _change(job_id, lambda row: _failed(row, error) | columns, only, user_id, end_owed)
    return _change(job_id, _ended(state, error) | columns, only, user_id, end_owed)


def lose(job_id: str, *, will_run_again: bool, error: str = "") -> bool:
    """Store that nobody runs the job any more, unless it was heard of meanwhile."""
    ended_at = None if will_run_again else timezone.now()

    def lost(row: TrackedJob) -> dict[str, Any]:
        failed_at = ended_at if row.source == JobSource.CELERY else None
        return {"state": JobState.LOST, "error": error, "lost_at": None, "ended_at": ended_at, "failed_at": failed_at}

    return _change(job_id, lost, only=TrackedJob.objects.filter(state=JobState.RUNNING, lost_at__lte=Now()))


def repeat(job_id: str, new_id: str, *, arguments: str, **columns_of_plain: Any) -> Origin | None:
    """Store, in the open transaction, that a plain task which has failed is called again, under ``new_id``.

    The run is its owner's, and a child of what had called it. Returns where it comes from; None where the task has not
    failed, or runs again by now.
    """
    row = TrackedJob.objects.select_for_update().filter(pk=job_id).exclude(failed_at=None).first()
    if row is None:
        return None
    _add_line(row, f"It runs again as {new_id}.")
    row.failed_at = None
    row.save(force_update=True, update_fields=["failed_at", "log"])
    user = "" if row.owner_id is None else str(row.owner_id)
    origin = Origin(user, parent=row.parent, root=row.root)
    queue(
        new_id,
        source=JobSource.CELERY,
        task=row.task,
        title=row.title,
        arguments=arguments,
        origin=origin,
        repeats=row.pk,
        **columns_of_plain,
    )
    return origin


def note_sent(job_id: str) -> None:
    """Store that the broker has a plain task, which may run already."""
    TrackedJob.objects.filter(pk=job_id, state=JobState.QUEUED).update(lost_at=None)


def ask_to_cancel(job_id: str) -> bool:
    """Store that the running job is to end; whoever runs it looks for that once a second."""
    return _change(job_id, lambda row: {"cancel_requested_at": row.cancel_requested_at or timezone.now()})


def to_be_cancelled(job_ids: Collection[str]) -> list[str]:
    """Those of these jobs that somebody wants to end."""
    rows = TrackedJob.objects.filter(pk__in=job_ids).exclude(cancel_requested_at=None)
    return list(rows.values_list("pk", flat=True))


def prune() -> int:
    """Delete the jobs that ended longer than :data:`RETENTION` ago, in chunks; returns how many."""
    deleted = 0
    while True:
        # A task that is only watched may wait for ever: its broker has lost it, and tells nobody.
        forgotten = Q(source=JobSource.CELERY, ended_at=None, lost_at=None, created_at__lt=Now() - RETENTION)
        old = TrackedJob.objects.filter(Q(ended_at__lt=Now() - RETENTION) | forgotten)
        ids = list(old.order_by("ended_at").values_list("pk", flat=True)[:CHUNK])
        deleted += TrackedJob.objects.filter(pk__in=ids).delete()[0]
        if len(ids) < CHUNK:
            return deleted


def _change(
    job_id: str,
    columns: dict[str, Any] | Callable[[TrackedJob], dict[str, Any]],
    only: Any = None,
    user_id: str | None = None,
    change_owed: Callable[[], object] = lambda: None,
) -> bool:
    """Change the row of a job that is not over, and tell of it; returns whether there was one.

    Where the columns depend on what the row is, or it has to be one of ``only``, it is read before.
    """

    def write() -> bool:
        # First the row that people see, then the one that is owed, then the stream, as in `begin`: no two runs of a
        # job wait for each other.
        if only is None and not callable(columns):
            row = by_key.update(TrackedJob, job_id, columns, only="ended_at IS NULL")
        else:
            rows = TrackedJob.objects.all() if only is None else only
            row = rows.select_for_update().filter(pk=job_id, ended_at=None).first()
            if row is not None:
                row = by_key.update(TrackedJob, job_id, columns(row) if callable(columns) else columns)
        change_owed()
        return row is not None and _tell(row, user_id)

    return _in_one_transaction(write)


def _ended(state: JobState, error: str = "") -> dict[str, Any]:
    ended = {"state": state, "error": shortened(error, ERROR_LIMIT), "ended_at": timezone.now(), "lost_at": None}
    return ended if state == JobState.FAILED else ended | {"call": ""}  # which only plain tasks have


def _failed(row: TrackedJob, error: str) -> dict[str, Any]:
    ended = _ended(JobState.FAILED, error)
    return ended | {"failed_at": ended["ended_at"]} if row.source == JobSource.CELERY else ended


def _set(row: TrackedJob, user_id: str | None = None, **columns: Any) -> bool:
    changed = by_key.update(TrackedJob, row.pk, columns)
    return changed is not None and _tell(changed, user_id)


def _tell(row: TrackedJob, user_id: str | None) -> bool:
    publish_state(row, events.owner_id_of(row) if user_id is None else user_id)
    return True
