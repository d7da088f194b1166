"""The rows of tracked jobs: queued, begun, reported, ended. Each change of state is published in the same transaction.

A row that has succeeded, or was cancelled, stays so: a run that comes later is told not to begin. One that has failed
may begin again, when somebody sends it again.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from enum import Enum, auto
from typing import Any, Final

from django.db import router, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from hub.users import all_users
from worker.jobs import ERROR_LIMIT, shortened
from worker.models import JobSource, JobState, TrackedJob
from worker.origins import Origin
from worker.tracking.publishing import publish_state

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
    #: It runs, and nobody watches it.
    UNTRACKED = auto()
    #: It has ended already, or was cancelled.
    OVER = auto()
    #: An earlier run was not seen to end, and it is not to run again.
    LOST = auto()


def queue(
    job_id: str,
    *,
    source: JobSource,
    task: str,
    title: str,
    arguments: str,
    origin: Origin,
    anew: bool = True,
) -> None:
    """Store that a job was called, in the open transaction.

    What was stored under its id before is forgotten or, without ``anew``, stays: then another process was faster.
    """
    parent = "" if origin.parent == job_id else origin.parent
    row = TrackedJob(
        id=job_id,
        source=source,
        task=task,
        title=shortened(title, TITLE_LIMIT),
        arguments=arguments,
        # Whoever has started it may be erased by now.
        owner=None if origin.owner_key is None else all_users().filter(pk=origin.owner_key).first(),
        parent=parent,
        root=origin.root if parent else "",
        created_at=timezone.now(),
    )
    if parent:  # what a job calls that is to end is to end, too: it is not begun
        ends = TrackedJob.objects.filter(Q(ended_at=None) | Q(state=JobState.CANCELLED), pk=parent)
        row.cancel_requested_at = ends.values_list("cancel_requested_at", flat=True).first()
    columns = [field.attname for field in TrackedJob._meta.concrete_fields if field.attname != "id"]
    with transaction.atomic(using=_database()):
        if anew:
            TrackedJob.objects.bulk_create([row], update_conflicts=True, unique_fields=["id"], update_fields=columns)
        else:
            TrackedJob.objects.bulk_create([row], ignore_conflicts=True)
            if TrackedJob.objects.values_list("created_at", flat=True).get(pk=job_id) != row.created_at:
                return
        publish_state(row)


def begin(
    job_id: str, *, reruns: bool = True, timeout: float = HEARTBEAT_TIMEOUT
) -> tuple[Beginning, TrackedJob | None]:
    """Store that a job runs now, unless it is not to. It counts for ``timeout`` seconds without a heartbeat."""
    with transaction.atomic(using=_database()):
        row = TrackedJob.objects.select_for_update().filter(pk=job_id).first()
        if row is None:
            return Beginning.UNTRACKED, None
        if row.source == JobSource.CELERY and row.state == JobState.CANCELLED:
            # No worker that has the message was told in time, and none asks here: it runs, whatever people wish.
            _add_line(row, UNHEARD_LINE)
        elif row.state in _OVER:
            return Beginning.OVER, row
        elif row.source != JobSource.CELERY and row.cancel_requested_at is not None and row.state != JobState.FAILED:
            _end(row, JobState.CANCELLED)
            return Beginning.OVER, row
        if was_lost := row.state in {JobState.RUNNING, JobState.LOST}:
            _add_line(row, LOST_LINE)
        if was_lost and not reruns:
            _end(row, JobState.FAILED, error="Its worker was lost while it ran.")
            return Beginning.LOST, row
        row.state, row.error, row.ended_at, row.cancel_requested_at = JobState.RUNNING, "", None, None
        row.started_at = row.started_at or timezone.now()
        row.runs += 1
        row.lost_at = Now() + timedelta(seconds=timeout)
        _save(row)
    return Beginning.RUN, row


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
    with transaction.atomic(using=_database()):
        row = TrackedJob.objects.select_for_update().filter(pk=job_id, state=JobState.LOST).first()
        if row is not None:
            lost_at = Now() + timedelta(seconds=HEARTBEAT_TIMEOUT)
            _set(row, state=JobState.RUNNING, ended_at=None, lost_at=lost_at, error="")


def retrying(job_id: str, error: str) -> None:
    """The run has failed, and there will be another one."""
    _change(job_id, lambda row: _set(row, state=JobState.RETRYING, error=shortened(error), lost_at=None))


def requeue(job_id: str) -> None:
    """The run has given up its turn, and there will be another one."""
    _change(job_id, lambda row: _set(row, state=JobState.QUEUED, lost_at=None))


def end(job_id: str, state: JobState, *, error: str = "", only: Any = None, **columns: Any) -> bool:
    """Store that the job is over, and what its last words were; returns False where it was over before.

    With ``only`` nothing where it is not one of these rows (any more).
    """
    return _change(job_id, lambda row: _end(row, state, error=error, **columns), only)


def lose(job_id: str, *, will_run_again: bool, error: str = "") -> bool:
    """Store that nobody runs the job any more, unless it was heard of meanwhile."""
    now = timezone.now()

    def change(row: TrackedJob) -> bool:
        return _set(row, state=JobState.LOST, error=error, lost_at=None, ended_at=None if will_run_again else now)

    return _change(job_id, change, only=TrackedJob.objects.filter(state=JobState.RUNNING, lost_at__lte=Now()))


def ask_to_cancel(job_id: str) -> bool:
    """Store that the running job is to end; whoever runs it looks for that once a second."""
    return _change(job_id, lambda row: _set(row, cancel_requested_at=row.cancel_requested_at or timezone.now()))


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


def _database() -> str:
    return router.db_for_write(TrackedJob)


def _change(job_id: str, change: Callable[[TrackedJob], bool], only: Any = None) -> bool:
    """Change the row of a job that is not over, and tell of it; returns whether there was one."""
    with transaction.atomic(using=_database()):
        rows = TrackedJob.objects.all() if only is None else only
        row = rows.select_for_update().filter(pk=job_id, ended_at=None).first()
        return row is not None and change(row)


def _end(row: TrackedJob, state: JobState, *, error: str = "", **columns: Any) -> bool:
    return _set(
        row, state=state, error=shortened(error, ERROR_LIMIT), ended_at=timezone.now(), lost_at=None, **columns
    )


def _set(row: TrackedJob, **columns: Any) -> bool:
    for name, value in columns.items():
        setattr(row, name, value)
    _save(row)
    return True


def _save(row: TrackedJob) -> None:
    row.save(force_update=True)
    publish_state(row)
