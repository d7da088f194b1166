"""What the operations page shows, put together once for all who look: one look in two seconds for each web process."""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from heapq import nsmallest
from typing import Any, Final

from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from kombu.exceptions import KombuError
from redis import RedisError

from hub.config.queues import BULK, DEFAULT, DELIVERIES
from hub.database import heartbeats
from hub.logs import get_logger
from hub.models import Heartbeat, Lease
from worker import queues
from worker.models import TrackedJob
from worker.operations import correcting, failing, pausing, recording, reports, waiting
from worker.operations.correcting import Failed
from worker.operations.models import OperationRecord
from worker.operations.reports import RunningTask, WorkerReport
from worker.operations.waiting import Waiting
from worker.schedules.models import Schedule
from worker.schedules.periodic import ListedTask, periodic_tasks
from worker.scheduling import BEAT_LEASE

log = get_logger(__name__)

#: Seconds for which one look serves all who ask.
LIFETIME: Final = 1.5

#: Rows of each list.
LIMIT: Final = 10

#: Failed jobs of the page.
FAILED_LIMIT: Final = 20

#: Seconds after which a running task is slow, and how far back slow jobs are looked for, among how many: the newest.
SLOW: Final = 30.0
SLOW_WITHIN: Final = timedelta(days=1)
SLOW_AMONG: Final = 2_000


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue. ``waiting`` is None where the broker does not answer, ``readers`` where Redis does not."""

    name: str
    purpose: str
    waiting: Waiting | None
    is_paused: bool
    readers: int | None

    @property
    def since(self) -> datetime | None:
        """When the oldest message was sent."""
        return None if self.waiting is None else _moment(self.waiting.since)

    @property
    def is_unread(self) -> bool:
        """Whether something waits there that no worker takes, although nobody has paused it."""
        return not self.is_paused and self.readers == 0 and self.waiting is not None and self.waiting.length > 0


@dataclass(frozen=True, slots=True)
class Running:
    """A task that runs now, and where."""

    task: RunningTask
    worker: str

    @property
    def since(self) -> datetime | None:
        return _moment(self.task.since)


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker that has said something in the last seconds."""

    report: WorkerReport
    #: That it is to be drained, which it may not have heard yet.
    is_drained: bool

    @property
    def running(self) -> list[Running]:
        return [Running(task, self.report.name) for task in self.report.running]

    @property
    def is_empty(self) -> bool:
        """Whether it is drained and has finished what it had."""
        return self.report.is_drained and not self.report.running and not self.report.held


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that has failed for good, or a plain task, and why, without its secrets."""

    job: Failed
    error: str


@dataclass(frozen=True)
class Snapshot:
    """Everything that the page shows."""

    queues: Sequence[QueueState]
    #: None where Redis does not answer.
    workers: Sequence[WorkerState] | None
    #: Which beat sends, and until when that holds; beats that have shown life.
    leader: str
    beats: Sequence[str]
    #: What is due next, of each the first few; who may not see periodic tasks sees schedules alone.
    schedules: Sequence[Schedule]
    tasks: Sequence[ListedTask]
    failed: Sequence[FailedJob]
    failed_count: int
    slow_jobs: Sequence[TrackedJob]
    records: Sequence[OperationRecord]

    @cached_property
    def slow(self) -> list[Running]:
        """Running tasks that take long, the longest first."""
        now = time.time()
        found = [one for worker in self.workers or () for one in worker.running if now - one.task.since >= SLOW]
        return sorted(found, key=lambda one: one.task.since)[:LIMIT]

    def due_next(self, *, with_tasks: bool) -> list[Schedule | ListedTask]:
        """The schedules and periodic tasks that are due next, the first one first."""
        found: list[Schedule | ListedTask] = [*self.schedules, *(self.tasks if with_tasks else ())]
        return sorted(found, key=lambda one: one.next_at or datetime.max.replace(tzinfo=UTC))[:LIMIT]

    @property
    def key(self) -> object:
        """Equal for two that look the same: ages grow by themselves."""
        return (
            [(one.name, one.waiting, one.is_paused, one.readers) for one in self.queues],
            None if self.workers is None else [(one.report, one.is_drained) for one in self.workers],
            (self.leader, list(self.beats)),
            [(one.pk, one.next_at) for one in self.schedules],
            [(one.pk, one.next_at) for one in self.tasks],
            (self.failed_count, [one.job.pk for one in self.failed]),
            [one.task.id for one in self.slow],
            [one.pk for one in self.slow_jobs],
            [one.pk for one in self.records],
        )


_lock = threading.Lock()
_newest: Snapshot | None = None
_taken_at = float("-inf")


def current() -> Snapshot:
    """What there is now, or was :data:`LIFETIME` seconds ago. Raises ``django.db.Error``."""
    global _newest, _taken_at
    with _lock:  # of many who ask at once, one looks
        if _newest is None or time.monotonic() - _taken_at > LIFETIME:
            _newest, _taken_at = _take(), time.monotonic()
        return _newest


def after_what_was_done() -> Snapshot:
    """The same, no older than what somebody has done last, in whichever web process. Raises ``django.db.Error``."""
    found = current()
    last = recording.newest().values_list("pk", flat=True).first()
    if last is None or any(record.pk == last for record in found.records):
        return found
    forget()
    return current()


def forget() -> None:
    """Something was done: have the next one who asks look again."""
    global _newest
    with _lock:
        _newest = None


def _take() -> Snapshot:
    workers = _workers()
    return Snapshot(
        queues=_queues(workers),
        workers=workers,
        leader=_leader(),
        beats=_beats(),
        schedules=list(Schedule.objects.filter(is_paused=False, next_at__isnull=False).order_by("next_at")[:LIMIT]),
        tasks=_tasks(),
        failed=failed_jobs(failing.newest(FAILED_LIMIT)),
        failed_count=failing.number(),
        slow_jobs=_slow_jobs(),
        records=list(recording.newest()[:LIMIT]),
    )


def _workers() -> list[WorkerState] | None:
    try:
        found = reports.read()
    except (RedisError, OSError) as error:
        log.warning("workers_unknown", error=type(error).__name__)
        return None
    drained = pausing.drained() if found else set()
    return [WorkerState(report, report.run in drained) for report in found]


def _queues(workers: Sequence[WorkerState] | None) -> list[QueueState]:
    paused = pausing.paused()
    read = [name for worker in workers or () for name in worker.report.reads]
    purposes = {queues.actual(purpose): purpose for purpose in (BULK, DELIVERIES, DEFAULT)}
    names = list(dict.fromkeys([*queues.ours(), *sorted({*read, *paused})]))
    found = lengths(names)
    states = [
        QueueState(
            name,
            purposes.get(name, ""),
            None if found is None else found[name],
            name in paused,
            None if workers is None else sum(name in one.report.reads and not one.is_drained for one in workers),
        )
        for name in names
    ]
    # Queues of before, and of others, where there is something to say.
    return [one for one in states if one.purpose or one.is_paused or one.waiting is None or one.waiting.length]


def lengths(names: Sequence[str]) -> dict[str, Waiting] | None:
    """What waits in these queues; None where the broker does not answer."""
    try:
        return waiting.look(names)
    except (KombuError, RedisError, OSError) as error:
        log.warning("queues_unknown", error=type(error).__name__)
        return None


def _leader() -> str:
    holders = Lease.objects.filter(name=BEAT_LEASE, expires_at__gt=Now()).values_list("holder", flat=True)
    return str(holders.first() or "")


def _beats() -> list[str]:
    recent = Heartbeat.objects.filter(
        part__startswith=f"{heartbeats.BEAT}:", beat_at__gt=Now() - timedelta(seconds=heartbeats.MISSING_AFTER)
    )
    return sorted(part.partition(":")[2] for part in recent.values_list("part", flat=True))


def _tasks() -> list[ListedTask]:
    due = [one for one in periodic_tasks() if one.next_at is not None]
    return nsmallest(LIMIT, due, key=lambda one: (one.next_at, one.pk))


def failed_jobs(rows: Iterable[Failed]) -> list[FailedJob]:
    """The jobs, each with why it has failed."""
    return [FailedJob(row, correcting.error_of(row)) for row in rows]


def _slow_jobs() -> list[TrackedJob]:
    took = ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField())
    newest = TrackedJob.objects.filter(ended_at__gt=Now() - SLOW_WITHIN).order_by("-ended_at")
    # What took long is sorted among few: a look costs the same however many jobs a day has.
    times = newest.annotate(took=took).values_list("pk", "took")[:SLOW_AMONG]
    slow = [(took, pk) for pk, took in times if took is not None and took >= timedelta(seconds=SLOW)]
    longest = [pk for _, pk in sorted(slow, reverse=True)[:LIMIT]]
    found = TrackedJob.objects.annotate(took=took).defer("log", "arguments", "call").in_bulk(longest)
    return [found[pk] for pk in longest if pk in found]


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


def worker_of(run: str) -> Any:
    """The worker of this run; None where there is none, or Redis does not answer."""
    return next((one for one in current().workers or () if one.report.run == run), None)
