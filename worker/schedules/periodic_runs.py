"""The history of periodic tasks: what became of each due time that beat has claimed.

Beat stores a row in the transaction of its claim, together with those of the due times that were missed before. Where
the task is durable, its job is stored in the same transaction, so the row says at once that it was sent. A plain task
has nothing that could be owed: its row is marked when the broker has it, and one that is not marked after a while is
what a beat has left that was killed in between (:func:`unsent`). How its task has ended a sweep writes down later.

Times are those of the database's own clock.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from hub.config import hub_settings
from hub.database import prune_table, run_safely_on_commit
from hub.publishing import publish_ephemeral
from worker import events, jobs
from worker.jobs import shortened
from worker.models import Job, JobState, TrackedJob
from worker.schedules.models import ERROR_LIMIT, UNKNOWN, PeriodicRun, PeriodicRunStatus
from worker.schedules.running import RUNS_KEPT

#: Due times of one task that were missed and have a row each: the newest.
MISSED_LIMIT = 100

#: Seconds after which a task that was claimed and not marked as sent is taken for one that a beat has left behind.
UNSENT = 30.0

#: Of these one look takes so many, and of tasks that have not ended one query.
LIMIT = 1000

#: Tasks that have not ended of which one look asks: the newest.
OPEN_LIMIT = 100_000

#: After this a task that people watch and that no worker has begun is not followed any more.
WATCHED_TIMEOUT = timedelta(days=1)

#: What a task can end as.
ENDS = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


def store(
    periodic_task: int,
    due: datetime,
    missed: Sequence[datetime],
    *,
    status: PeriodicRunStatus,
    is_durable: bool = False,
    is_watched: bool = False,
    error: str = "",
) -> PeriodicRun:
    """Store in the transaction of a claim what becomes of a due time, and that those before it were missed."""
    run = PeriodicRun(
        periodic_task=periodic_task,
        due_at=due,
        ran_at=Now(),
        status=status,
        job="" if status == PeriodicRunStatus.FAILED else str(uuid4()),
        is_durable=is_durable,
        outcome="" if is_durable or is_watched else UNKNOWN,
        error=shortened(error, ERROR_LIMIT),
    )
    others = (
        PeriodicRun(periodic_task=periodic_task, due_at=one, ran_at=Now(), status=PeriodicRunStatus.MISSED)
        for one in missed[-MISSED_LIMIT:]
    )
    PeriodicRun.objects.bulk_create([*others, run])
    _publish([periodic_task])
    return run


def mark(run: PeriodicRun, status: PeriodicRunStatus, error: str = "") -> None:
    """Store what has become of a run; that it was sent counts from now on."""
    PeriodicRun.objects.filter(pk=run.pk).update(status=status, ran_at=Now(), error=shortened(error, ERROR_LIMIT))
    _publish([run.periodic_task])


def unsent() -> list[PeriodicRun]:
    """The runs of plain tasks that were claimed a while ago and are not marked as sent. A query of a small index."""
    return list(_left().order_by("ran_at")[:LIMIT])


def take(run: PeriodicRun) -> bool:
    """Take a run of :func:`unsent`, to send it; returns False where another beat has taken it meanwhile."""
    # Not by its time: SQLite compares texts, and what it has written itself is not what Django writes of it.
    return bool(_left().filter(pk=run.pk).update(ran_at=Now()))


def _left() -> QuerySet[PeriodicRun]:
    pause = timedelta(seconds=UNSENT)
    # One that was claimed in the future is what a clock has left that was wrong.
    is_left = Q(ran_at__lt=Now() - pause) | Q(ran_at__gt=Now() + pause)
    return PeriodicRun.objects.filter(is_left, status=PeriodicRunStatus.SENDING)


def is_seen(run: PeriodicRun) -> bool:
    """Whether somebody has seen the task of a run begin, or end: then it was sent.

    That it is queued is written down by who watches it before the broker has it, and says nothing.
    """
    return TrackedJob.objects.filter(pk=run.job).exclude(state=JobState.QUEUED).exists()


def states(runs: Collection[PeriodicRun]) -> dict[int, str]:
    """What is known of the tasks of these runs, by the id of the run: a :class:`JobState`, or empty. Two queries."""
    sent = [run for run in runs if run.status == PeriodicRunStatus.SENT]
    ids = [run.job for run in sent]
    tracked = dict(TrackedJob.objects.filter(pk__in=ids).values_list("pk", "state"))
    owed = {row.pk: row for row in Job.objects.filter(pk__in=ids).only("pk", "failed_at", "starts")}
    return {run.pk: tracked.get(run.job) or _state(run, owed.get(run.job)) for run in sent}


def _state(run: PeriodicRun, owed: Job | None) -> str:
    if owed is not None:
        ended = JobState.FAILED if owed.failed_at is not None else None
        return str(ended or (JobState.RUNNING if owed.starts else JobState.QUEUED))
    if run.outcome:
        return "" if run.outcome == UNKNOWN else run.outcome
    return str(JobState.SUCCEEDED) if run.is_durable else ""  # what is not owed any more has ended well


def settle() -> int:
    """Write down how tasks have ended, as long as that is known; returns of how many. A query where there is none."""
    rows = PeriodicRun.objects.filter(status=PeriodicRunStatus.SENT, outcome="")
    keys = list(rows.order_by("-ran_at").values_list("pk", flat=True)[:OPEN_LIMIT])
    # All of them, since those that never end would stand before the others.
    return sum(_settle(rows.filter(pk__in=keys[at : at + LIMIT])) for at in range(0, len(keys), LIMIT))


def _settle(rows: QuerySet[PeriodicRun]) -> int:
    runs = list(rows.annotate(read_at=Now()))
    known = states(runs)
    ended: dict[str, list[int]] = {}
    for run in runs:
        state = known[run.pk]
        age = run.read_at - run.ran_at
        if state in ENDS:
            ended.setdefault(state, []).append(run.pk)
        elif age > jobs.RETENTION or (not state and age > WATCHED_TIMEOUT):
            ended.setdefault(UNKNOWN, []).append(run.pk)
    for outcome, keys in ended.items():
        PeriodicRun.objects.filter(pk__in=keys).update(outcome=outcome)
    settled = {pk for keys in ended.values() for pk in keys}
    _publish({run.periodic_task for run in runs if run.pk in settled})
    return len(settled)


def forget(periodic_task: int) -> None:
    """Delete the history of a periodic task that is gone."""
    PeriodicRun.objects.filter(periodic_task=periodic_task).delete()


def forget_errors(periodic_task: int) -> None:
    """Delete the errors in the history of a periodic task, which may say whom it was for."""
    PeriodicRun.objects.filter(periodic_task=periodic_task).exclude(error="").update(error="")


def prune(*, seconds: float = 10.0) -> int:
    """Delete the history of periodic tasks as :func:`worker.schedules.running.prune` does that of schedules."""
    rows, lists = PeriodicRun.objects.all(), list[Any]()
    if apps.is_installed("django_celery_beat"):
        from django_celery_beat.models import PeriodicTask

        lists = [(rows, PeriodicTask.objects.all(), "periodic_task")]
    days = hub_settings().schedule_days
    return prune_table("periodic_run", rows, days=days, items=RUNS_KEPT, lists=lists, seconds=seconds)


def _publish(periodic_tasks: Iterable[int]) -> None:
    for pk in periodic_tasks:
        run_safely_on_commit(publish_ephemeral, events.SCHEDULES, events.PeriodicTaskChanged(str(pk)))
