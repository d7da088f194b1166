"""The rows of background jobs: stored, begun, ended, failed. Times are those of the database's own clock.

A row means that its job is still owed. The row is deleted when the job succeeds and kept as failed when it fails.
``worker.sending`` sends a job again if it has had no heartbeat for too long. So a job runs at least once: whatever a
broker or a worker loses, the row remains.

A call under the id of a job that is still owed replaces it. By its nonce a run of the earlier call is told from those
of the later one, whose row it leaves alone. Where a function takes a nonce, None stands for whichever call it is.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import uuid4

from django.db import connections, router, transaction
from django.db.models import Case, Count, DurationField, ExpressionWrapper, F, Max, Q, QuerySet, Value, When
from django.db.models.functions import Greatest, Least, Now
from kombu import serialization
from kombu.exceptions import DecodeError

from hub.database import by_key, prepared
from hub.database.by_key import After
from hub.logs import get_logger
from hub.ops import metrics
from hub.validation import storable
from worker import queues
from worker.models import Job

log = get_logger(__name__)

#: Seconds after which a job that was sent and not begun is sent again. They double from the third time on, up to the
#: second number.
SEND_TIMEOUT, LONGEST_SEND_TIMEOUT = 15.0, 600.0

#: Seconds for which a run counts without a heartbeat, and between two heartbeats (``worker.job_heartbeats``). One
#: may be late by the ten seconds for which a busy SQLite lets others wait.
HEARTBEAT_TIMEOUT, HEARTBEAT_INTERVAL = 20.0, 5.0

#: Seconds before its time at which a job for later is sent. Until then it waits in its row, not in a worker's memory.
EARLY = 60.0

#: Runs of a job that nobody saw end (its worker was killed, or had no memory left), until it has failed for good.
STARTS = 20

#: How often a job is sent again without being begun, until it has failed for good: with the pauses above about a day.
RESENDS = 150

#: How long a job that failed for good is kept.
RETENTION = timedelta(days=30)

#: Rows that one statement deletes.
CHUNK = 500

#: The error of a job that nobody has done in time.
EXPIRED = "Expired: its time was over before it was done."

#: Characters of an error that are kept.
ERROR_LIMIT = 1000

#: What each run of a job does, written once. Of whichever call where no nonce is known.
_BEGIN = """
    UPDATE hub_worker_job SET send_at = {after}, starts = starts + 1, resends = 0
    WHERE id = %s AND nonce = COALESCE(%s, nonce) AND failed_at IS NULL AND starts < %s
    RETURNING id
"""
_FINISH = "DELETE FROM hub_worker_job WHERE id = %s AND nonce = COALESCE(%s, nonce) RETURNING id"


@dataclass(frozen=True, slots=True)
class JobCall:
    """A task with everything it is to be sent with. ``options`` are JSON values; storing it gives it its nonce."""

    id: str
    task: str
    args: Sequence[Any]
    kwargs: dict[str, Any]
    options: dict[str, Any]
    nonce: str | None = None


def store(call: JobCall, *, eta: datetime | None = None, expires: datetime | None = None) -> JobCall:
    """Store that the call is owed, in the caller's transaction; one that is there under its id is replaced.

    Returns the call as whoever reads the row gets it, with JSON values only.

    Raises:
        kombu.exceptions.EncodeError, kombu.exceptions.DecodeError: the arguments are no JSON values, or such that come
            back as others.
        django.db.Error: nothing is stored.
    """
    times: dict[str, Any] = {"created_at": After(0), "due_at": eta or After(0), "expires_at": expires}
    if eta is None:
        times["send_at"] = After(SEND_TIMEOUT)
    else:
        times["send_at"] = eta + timedelta(seconds=-EARLY if is_for_later(eta) else SEND_TIMEOUT)
    row = Job(id=call.id, task=call.task, nonce=uuid4().hex, **_written(call), **times)
    stored = _read(row)
    by_key.put(row, kept=("created_at",))
    return stored


def store_failed(call: JobCall, error: str, *, durable: bool) -> None:
    """Store a job that never was one: what has not happened, and why, for people to see it in the admin.

    Where the task is ``durable`` it can be sent from there. No row of another task would ever end.
    """
    nonce = uuid4().hex if durable else ""
    row = Job(id=call.id, task=call.task, nonce=nonce, **_written(call), failed_at=Now(), error=shortened(error))
    row.save(force_insert=True)


def is_for_later(eta: datetime) -> bool:
    """Whether a job that is due then is not sent yet."""
    return eta - datetime.now(eta.tzinfo) > timedelta(seconds=EARLY)


def store_retry(call: JobCall, *, eta: datetime | None, waits: bool = False) -> JobCall:
    """Store that a job that runs is to be tried again; nothing where it has ended meanwhile, or was called again.

    With ``waits`` it is sent shortly before ``eta`` and not before; else the caller sends it now: the call that this
    returns, which says its queue as the first one did.
    """
    for row in _owed(call.id, call.nonce):  # one at most
        call = _with_its_queue(call, row)
    send_at = eta - timedelta(seconds=EARLY) if eta and waits else _after(SEND_TIMEOUT, eta)
    _owed(call.id, call.nonce).update(**_written(call), due_at=eta or Now(), send_at=send_at, resends=0, starts=0)
    return call


def begin(job_id: str, nonce: str | None = None) -> bool:
    """Store that a job runs now; the run counts for :data:`HEARTBEAT_TIMEOUT` seconds without a heartbeat.

    Returns whether the job is to run. It is not if it has ended or failed for good, if it was called again under its
    id, or if too many runs of it never ended; in the last case it fails for good now. Two runs at the same time are
    not kept apart.
    """
    if prepared.ask(_BEGIN.format(after=After.sql()), [After(HEARTBEAT_TIMEOUT).parameter(), job_id, nonce, STARTS]):
        return True
    fail(job_id, f"It was begun {STARTS} times, and nobody saw it end: it may be what kills its worker.", nonce)
    return False


def heartbeat(runs: Collection[tuple[str, str | None]]) -> None:
    """Store that these jobs, each with its nonce, still run."""
    nonces = [nonce for _, nonce in runs if nonce is not None]
    whichever = [job_id for job_id, nonce in runs if nonce is None]
    rows = Job.objects.filter(Q(nonce__in=nonces) | Q(pk__in=whichever), pk__in=[job_id for job_id, _ in runs])
    rows.filter(starts__gt=0, failed_at=None).update(send_at=_after(HEARTBEAT_TIMEOUT))


def requeue(job_id: str, nonce: str | None = None) -> None:
    """The job has put itself back into the queue: it was seen to end, and is to begin again."""
    _owed(job_id, nonce).update(send_at=_after(SEND_TIMEOUT), starts=0)


def finish(job_id: str, nonce: str | None = None) -> None:
    """The job has ended well: nothing is owed any more."""
    prepared.ask(_FINISH, [job_id, nonce])


def fail(job_id: str, error: str, nonce: str | None = None, *, begun: bool = False) -> None:
    """The job has failed for good: it is not sent again by itself, and people see it in the admin.

    With ``begun`` nothing where it has not been begun: who does not know the nonce may mean an earlier call.
    """
    rows = _owed(job_id, nonce)
    if (rows.filter(starts__gt=0) if begun else rows).update(failed_at=Now(), error=shortened(error)):
        log.error("job_failed", job=job_id)


def expire(job_id: str, nonce: str | None = None) -> None:
    """The time of the job was over before it was done: it is kept like one that failed, as what has not happened."""
    rows = _owed(job_id, nonce)
    for row in rows:  # one at most
        if rows.update(failed_at=Now(), error=EXPIRED):
            log.warning("job_expired", job=job_id, task=row.task, periodic_task=_schedule_of(row))


def claim(limit: int, *, only: Q | None = None) -> list[JobCall]:
    """Take up to ``limit`` jobs of which nothing was heard for too long, oldest first, to send them again.

    With ``only`` of these rows, such as those of one queue.
    Each is taken by one caller, however many there are, and is due again after its timeout. Those
    that have expired have failed instead (up to ``limit`` a time), as have those sent :data:`RESENDS` times in vain.
    """
    database = router.db_for_write(Job)
    due = Job.objects.filter(_is_overdue(), only or Q(), failed_at=None)
    if not due.exists():  # as a rule; a transaction would hold up others
        return []
    with transaction.atomic(using=database):
        # SQLite lets one in at a time anyway, and does not know what it is asked here.
        skips = connections[database].features.has_select_for_update_skip_locked
        due = due.select_for_update(skip_locked=skips).order_by("send_at")
        expired = Q(expires_at__lte=Now())
        for row in due.filter(expired)[:limit]:
            expire(row.pk)
        rows = list(due.exclude(expired)[:limit])
        for row in rows:
            if row.resends >= RESENDS:
                fail(row.pk, f"It was sent {RESENDS} times, and no worker has begun it: none may know its task.")
        rows = [row for row in rows if row.resends < RESENDS]
        for resends, alike in groupby(sorted(rows, key=_resends), key=_resends):
            timeout = min(SEND_TIMEOUT * 2 ** min(max(resends - 1, 0), 16), LONGEST_SEND_TIMEOUT)
            Job.objects.filter(pk__in=[row.pk for row in alike]).update(
                send_at=_when_it_may_begin() + timedelta(seconds=timeout), resends=resends + 1
            )
        calls = list(_readable(rows))
        before = {row.pk: row.queue for row in rows}
        for call in calls:
            if (name := _queue_of(call)) != before[call.id]:  # it was called when settings said another
                Job.objects.filter(pk=call.id).update(queue=name)
    return calls


def owed(task: str, calls: Iterable[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    """Those of these calls, each the arguments of ``task``, of which a job waits or runs; not where it has failed."""
    of_text = {_dump([list(args), {}]): args for args in calls}
    texts, found = list(of_text), set[str]()
    for start in range(0, len(texts), CHUNK):  # each reads the jobs of the task: no index has the arguments
        rows = Job.objects.filter(task=task, arguments__in=texts[start : start + CHUNK], failed_at=None)
        found.update(rows.values_list("arguments", flat=True))
    return {of_text[text] for text in found}


def due(until: datetime | None = None) -> list[JobCall]:
    """The jobs that are owed and due now, or by ``until``, in the order in which they are due. Takes none of them."""
    rows = Job.objects.filter(failed_at=None, due_at__lte=until or Now()).order_by("due_at", "created_at")
    return list(_readable(rows))


def unclaim(*job_ids: str) -> None:
    """Return claimed jobs that could not be sent: due at once, or, for later jobs, shortly before their time."""
    early = timedelta(seconds=EARLY)
    Job.objects.filter(pk__in=job_ids, failed_at=None).update(
        send_at=Case(When(due_at__gt=Now() + early, then=F("due_at") - early), default=Now()),
        resends=Greatest(F("resends") - 1, 0),
    )


def retry(job_ids: Collection[str], *, change: Callable[[JobCall], JobCall] = lambda call: call) -> list[JobCall]:
    """Start failed jobs again as if they had just been called, with ``change`` otherwise than they were; returns those
    that had failed.

    Not those that are none and only say what has not happened (:func:`store_failed`).
    """
    with transaction.atomic(using=router.db_for_write(Job)):
        rows = Job.objects.select_for_update().filter(pk__in=job_ids).exclude(failed_at=None)
        rows = rows.exclude(nonce="", starts=0)
        return [store(change(replace(call, options=_first_try(call.options)))) for call in _readable(rows)]


def prune() -> int:
    """Delete the jobs that failed for good longer than :data:`RETENTION` ago, in chunks; returns how many."""
    deleted = 0
    while True:
        old = Job.objects.filter(failed_at__lt=Now() - RETENTION)
        ids = list(old.order_by("failed_at").values_list("pk", flat=True)[:CHUNK])
        deleted += Job.objects.filter(pk__in=ids).delete()[0]
        if len(ids) < CHUNK:
            return deleted


def show_stats() -> None:
    """Set the metrics of jobs to what the database says: how many are owed, how many failed, who waits for longest.

    By queue, with ``other`` for those that are not the hub's: calls may name any number of them.
    """
    owed = Q(failed_at=None)
    wait = ExpressionWrapper(Now() - F("due_at"), output_field=DurationField())
    ours = queues.ours()
    known = Case(When(queue__in=ours, then=F("queue")), default=Value("other"))
    by_queue = Job.objects.annotate(known=known).values("known").order_by("known")
    found: dict[str, Any] = {
        row["known"]: row
        for row in by_queue.annotate(
            owed=Count("pk", filter=owed), failed=Count("pk", filter=~owed), wait=Max(wait, filter=owed)
        )
    }
    for name in (*ours, "other"):
        row: dict[str, Any] = found.get(name) or {"owed": 0, "failed": 0, "wait": None}
        metrics.JOBS.labels("owed", name).set(row["owed"])
        metrics.JOBS.labels("failed", name).set(row["failed"])
        metrics.JOB_WAIT.labels(name).set(max(row["wait"] or timedelta(0), timedelta(0)).total_seconds())


def shortened(text: str, limit: int = ERROR_LIMIT) -> str:
    """As much of an error, or of another text, as a row takes."""
    return storable(text)[:limit]


def _called(job_id: str, nonce: str | None) -> QuerySet[Job]:
    """The row of this call; none where another call has taken its place."""
    rows = Job.objects.filter(pk=job_id)
    return rows if nonce is None else rows.filter(nonce=nonce)


def _owed(job_id: str, nonce: str | None) -> QuerySet[Job]:
    return _called(job_id, nonce).filter(failed_at=None)


def _schedule_of(row: Job) -> str | None:
    """The name of the periodic task that has called it."""
    for call in _readable([row]):
        return (call.options.get("headers") or {}).get("periodic_task_name")
    return None


def _is_overdue() -> Q:
    """Rows of which nothing was heard for too long, or which wait as long as only a clock that was wrong can want."""
    wrong = Q(due_at__lte=Now()) | Q(created_at__gt=Now() + timedelta(seconds=SEND_TIMEOUT))
    return Q(send_at__lte=Now()) | Q(wrong, send_at__gt=Now() + timedelta(seconds=2 * LONGEST_SEND_TIMEOUT))


def _when_it_may_begin() -> Any:
    """When a worker that is sent a job now begins it, at the earliest: at its time.

    No later than anything is sent before its time; what a clock that was wrong has written would wait for ever.
    """
    return Least(Greatest(Now(), F("due_at")), Now() + timedelta(seconds=EARLY))


def _resends(row: Job) -> int:
    return row.resends


def _after(seconds: float, moment: datetime | None = None) -> Any:
    """So many seconds after ``moment``, by default after now."""
    return (moment or Now()) + timedelta(seconds=seconds)


def _written(call: JobCall) -> dict[str, str]:
    """The columns that hold what a call is sent with."""
    return {
        "arguments": _dump([list(call.args), call.kwargs]),
        "options": _dump(call.options),
        "queue": _queue_of(call),
    }


def _queue_of(call: JobCall) -> str:
    """The queue at the broker that the call goes to when it is sent now."""
    return queues.route_of(call.task, queues.placed(call.task, call.options))


def _with_its_queue(call: JobCall, row: Job) -> JobCall:
    """A next try names the queue that a worker took the last one from: where it had been said otherwise, as it was."""
    if call.options.get("queue") != row.queue:
        return call
    said = {name: value for call in _readable([row]) for name, value in call.options.items() if name == "queue"}
    return replace(call, options={name: value for name, value in call.options.items() if name != "queue"} | said)


def _dump(value: object) -> str:
    # By the broker's own encoder, so that what is stored is what is sent: it knows dates, decimals and the like.
    return str(serialization.dumps(value, "json")[2])


def _load(text: str) -> Any:
    return serialization.loads(text, "application/json", "utf-8")


def _read(row: Job) -> JobCall:
    args, kwargs = _load(row.arguments)
    return JobCall(row.pk, row.task, args, kwargs, _load(row.options), row.nonce or None)


def _readable(rows: Iterable[Job]) -> Iterable[JobCall]:
    """The calls in these rows. What cannot be read would stand in the way of all others: it has failed."""
    for row in rows:
        try:
            yield _read(row)
        except (DecodeError, ValueError, TypeError) as error:
            fail(row.pk, f"Its row cannot be read: {error}")


def _first_try(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a first try that may begin at once."""
    return {name: value for name, value in options.items() if name not in {"retries", "eta", "expires"}}
