"""Sending what is due. Any number of processes may do it, at any time: beat, a worker, a web process.

Who sends a due time holds the row of its schedule, and stores in one transaction the alert, the row of the run, and up
to when the schedule has been handled. So a due time is sent once or not yet, whoever is killed between which steps.
A few schedules that are due share a transaction; where one of them fails, each has its own. Times are those of the
database's own clock.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.db import InterfaceError, OperationalError, connections, router, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from hub.config import hub_settings
from hub.database import prune_table
from hub.database.prepared import is_alone
from hub.logs import get_logger
from hub.publishing import number_now
from notifications import failed_calls, sources
from notifications.errors import told
from worker.clock import AHEAD
from worker.due_times import until
from worker.jobs import shortened
from worker.schedules import contents, makers, publishing, waiting
from worker.schedules.models import ERROR_LIMIT, Missed, RunStatus, Schedule, ScheduleRun, ScheduleWave
from worker.schedules.rules import FIRST_ZONE

log = get_logger(__name__)

#: Without a grace time of its own a due time is sent until the next one, and so late at most.
LONGEST_GRACE = timedelta(hours=1)

#: Due times of one schedule that one transaction handles, and schedules that one call looks at.
DUE_LIMIT, CALL_LIMIT = 100, 500

#: Schedules that share a transaction. More would hold up others who write for longer, on SQLite all of them.
TOGETHER = 10

#: Seconds that one call sends, about: beat has a lease to keep and others to send. The next call goes on.
CALL_SECONDS = 1.0

#: Due times that were missed and that the policy ``all`` sends for, at most: the newest.
MADE_UP_LIMIT = 100

#: Attempts after which an error that might have passed is a failure, once the grace of the due time is over.
ATTEMPTS = 3

#: Seconds between two attempts: twice as many each time, up to so many.
LONGEST_REST = 300

#: Seconds after which a process that is not beat sends what is due.
OVERDUE = 10.0

#: Runs of each schedule that are kept, however young they are: one of every second has 86,400 a day.
RUNS_KEPT = 1000

#: Days for which what a run has sent in waves is kept: it is counted within minutes.
WAVE_DAYS = 1.0

#: Schedules of which :func:`compare` reads several at once.
CHUNK = 500

#: Errors after which the same is tried again: they may pass. After others it would not succeed either.
PASSING = (OperationalError, InterfaceError)


@dataclass(slots=True)
class DueTimes:
    """What becomes of due times: ``sent`` and ``missed`` are in order."""

    sent: list[datetime] = field(default_factory=list)
    missed: list[datetime] = field(default_factory=list)


def decide(
    due: Sequence[datetime],
    now: datetime,
    following: datetime | None,
    *,
    policy: str,
    grace: timedelta | None,
    too_many: int = 0,
) -> DueTimes:
    """Which of the due times that have passed are sent.

    Args:
        following: the due time behind them, if there is one.
        too_many: so many of the first are more than any policy makes up for.
    """
    found = DueTimes()
    for number, (moment, later) in enumerate(zip(due, [*due[1:], following], strict=True)):
        is_made_up_for = policy == Missed.ALL and number >= too_many
        is_sent = is_made_up_for or now - moment <= _allowed(moment, later, grace)
        (found.sent if is_sent else found.missed).append(moment)
    is_last = following is None or following > now
    if policy == Missed.ONCE and found.missed and not found.sent and is_last:
        found.sent.append(found.missed.pop())
    return found


def _allowed(moment: datetime, later: datetime | None, grace: timedelta | None) -> timedelta:
    """How late a due time is still in time. ``later`` is the one behind it."""
    if grace is not None:
        return grace
    return LONGEST_GRACE if later is None else min(LONGEST_GRACE, later - moment)


def _looked_at() -> QuerySet[Schedule]:
    """The schedules that do not rest after an attempt that failed."""
    return Schedule.objects.filter(Q(try_at=None) | Q(try_at__lte=Now()))


def send_due(*, overdue: float = 0.0) -> int:
    """Send what is due, or what has been due for ``overdue`` seconds; returns how many due times were sent.

    One query of a small index where there is nothing. Ends after about ``CALL_SECONDS``; what is left is the next
    call's. Raises ``django.db.Error`` where the database cannot be used; the next call goes on.
    """
    deadline = time.monotonic() + CALL_SECONDS
    due = _looked_at().filter(next_at__lte=Now() - timedelta(seconds=overdue)).order_by("next_at")
    found = list(due.values_list("pk", flat=True)[:CALL_LIMIT])
    sent, failure = 0, None
    for start in range(0, len(found), TOGETHER):
        some = found[start : start + TOGETHER]
        try:
            sent += _handle(some, deadline)
        except Exception as error:  # noqa: BLE001  # what it is is said of the one for which it fails again
            log.info("schedules_one_by_one", schedules=len(some), error=type(error).__name__)
            sent_of_these, failure_of_these = _handle_each(some, deadline)
            sent, failure = sent + sent_of_these, failure_of_these or failure
        if time.monotonic() >= deadline:
            break
    if failure is not None:
        raise failure
    return sent


def _handle_each(found: Collection[int], deadline: float) -> tuple[int, Exception | None]:
    """Handle each of these by itself: what fails for one schedule, whatever it is, holds up no other.

    Returns how many due times were sent, and an error that may pass.
    """
    sent, failure = 0, None
    for pk in found:
        try:
            sent += _handle([pk], deadline, is_numbered=False)
        except PASSING as error:
            failure = error
        except Exception:
            log.exception("schedule_not_handled", schedule=pk)
        if time.monotonic() >= deadline:
            break
    return sent, failure


def seconds_to_next(longest: float) -> float:
    """In how many seconds a schedule has to be looked at again; ``longest`` where that is later."""
    rows = _looked_at().filter(next_at__isnull=False).order_by("next_at").annotate(read_at=Now())
    for row in rows[:1]:
        return min(longest, max(0.0, ((row.next_at or _read_at(row)) - _read_at(row)).total_seconds()))
    return longest


def _read_at(row: Any) -> datetime:
    """The time at which the row was read with ``read_at=Now()``."""
    read_at: datetime = row.read_at
    return read_at


def _held(found: Collection[int]) -> list[tuple[Schedule, datetime]]:
    """The rows, held until the transaction ends, and the time; without those that another process holds."""
    skips = connections[router.db_for_write(Schedule)].features.has_select_for_update_skip_locked
    rows = Schedule.objects.select_for_update(skip_locked=skips).annotate(read_at=Now())
    return [(row, _read_at(row)) for row in rows.filter(pk__in=found).order_by("next_at")]


def _handle(found: Collection[int], deadline: float, *, is_numbered: bool = True) -> int:
    """Handle these schedules in one transaction, in which what they publish ``is_numbered`` if it is nobody else's.

    Returns how many due times were sent. Ends at ``deadline``, after the first of them at the earliest.
    """
    sent = 0
    is_own = is_alone(router.db_for_write(Schedule))
    with transaction.atomic():
        for row, now in _held(found):
            sent += _handle_one(row, now, deadline)
            if time.monotonic() >= deadline:
                break
        if is_own and is_numbered:
            number_now()
    return sent


def _handle_one(row: Schedule, now: datetime, deadline: float) -> int:
    if row.next_at is None or row.next_at > now:
        return 0
    try:
        with transaction.atomic():  # so that a statement that failed in there leaves what is written below
            return _handle_held(row, now, deadline)
    except PASSING:
        raise
    except Exception as error:  # noqa: BLE001  # what somebody wrote into the row past all checks
        log.error("schedule_not_readable", schedule=row.pk, error=str(error))  # noqa: TRY400  # it says what is wrong
        _write(row, next_at=None, is_planned=True, problem=told(error, ERROR_LIMIT))
        return 0


def _handle_held(row: Schedule, now: datetime, deadline: float) -> int:
    if not row.is_planned:
        waiting.cancel(row.pk)
    if row.is_paused:
        _write(row, next_at=None, is_planned=False)
        return 0
    if not row.is_planned or row.handled_until is None:
        # It was changed at that time: a due time that it did not have when it passed is none.
        plan(row, min(now, row.next_at or now))
        return 0
    found = list(islice(until(row.timing().after(row.handled_until), now), DUE_LIMIT + MADE_UP_LIMIT))
    if not found:  # the rules of its zone have changed, or somebody wrote when it is due next
        plan(row, now)
        return 0
    try:
        makers.check(row)
    except makers.NotAllowedAnyMore as error:
        _stop(row, found[-1], now, str(error))
        return 0
    due = found[:DUE_LIMIT]
    following = next(row.timing().after(due[-1]), None)
    too_many = max(0, len(found) - MADE_UP_LIMIT)
    decision = decide(due, now, following, policy=row.missed, grace=row.grace, too_many=too_many)
    return _Handling(row, now, deadline).handle(due, following, set(decision.sent))


def _stop(row: Schedule, due_at: datetime, now: datetime, reason: str) -> None:
    """Send nothing more until somebody who may changes it; the newest due time says why, as the schedule does."""
    reason = shortened(reason, ERROR_LIMIT)
    log.warning("schedule_stopped", schedule=row.pk, reason=reason)
    stopped = ScheduleRun(schedule=row, due_at=due_at, ran_at=now, status=RunStatus.FAILED, error=reason)
    ScheduleRun.objects.bulk_create([stopped], ignore_conflicts=True)
    waiting.cancel(row.pk)
    _write(row, handled_until=due_at, next_at=None, is_planned=True, problem=reason)
    publishing.publish_changed([row.pk])


class _Handling:
    """What one look does with the due times of a schedule that have passed, in order. The caller holds the row."""

    def __init__(self, row: Schedule, now: datetime, deadline: float) -> None:
        self._row, self._now, self._deadline = row, now, deadline
        self._attempts = row.attempts  # at the first of the due times
        self._sent = 0
        self._over: list[ScheduleRun] = []
        self._rest: dict[str, object] = {}

    def handle(self, due: Sequence[datetime], following: datetime | None, to_send: set[datetime]) -> int:
        """Send, note what is not sent, and write how far it came; returns how many were sent."""
        row, handled_until = self._row, self._row.handled_until or self._now
        for moment, later in zip(due, [*due[1:], following], strict=True):
            if self._is_to_end():
                break
            if moment not in to_send:
                self._note_missed(moment)
            elif not self._try(moment, later):
                break
            self._attempts, handled_until = 0, moment
        else:
            handled_until = due[-1] if following is not None and following <= self._now else self._now
        ScheduleRun.objects.bulk_create(self._over, ignore_conflicts=True)
        if missed := [run.due_at for run in self._over if run.status == RunStatus.MISSED]:
            log.warning("schedule_missed", schedule=row.pk, missed=len(missed), first=str(missed[0]))
        row.sent_runs += self._sent
        publishing.publish_changed([row.pk])
        plan(row, handled_until)
        if self._rest:
            _write(row, **self._rest)
        return self._sent

    def _is_to_end(self) -> bool:
        if self._sent and time.monotonic() >= self._deadline:
            return True
        return self._row.max_runs is not None and self._row.sent_runs + self._sent >= self._row.max_runs

    def _note_missed(self, moment: datetime) -> None:
        status = RunStatus.FAILED if self._attempts else RunStatus.MISSED
        error = self._row.tried_error if self._attempts else ""
        self._over.append(ScheduleRun(schedule=self._row, due_at=moment, ran_at=self._now, status=status, error=error))

    def _try(self, moment: datetime, later: datetime | None) -> bool:
        """Send; returns whether the due time is over. Else it rests until it is tried again."""
        row, now = self._row, self._now
        try:
            self._sent += _send(row, moment, now)
        except PASSING as error:
            if transaction.get_rollback():
                raise  # the database is away
            self._attempts += 1
            row.tried_error = told(error, ERROR_LIMIT)
            if self._attempts >= ATTEMPTS and now - moment > _allowed(moment, later, row.grace):
                log.exception("schedule_not_sent", schedule=row.pk, due_at=str(moment))
                self._note_missed(moment)
                return True
            log.warning("schedule_rests", schedule=row.pk, attempts=self._attempts, error=row.tried_error)
            rest = timedelta(seconds=min(LONGEST_REST, 2 ** min(self._attempts, 30)))
            self._rest = {"attempts": self._attempts, "tried_error": row.tried_error, "try_at": Now() + rest}
            return False
        return True


def plan(row: Schedule, handled_until: datetime) -> None:
    """Write up to when the due times of a row have had their turn, and when it is due next.

    The caller holds the row, or has just made it. Raises ``BadRule`` where it cannot be due.
    """
    following = next(row.due_times(handled_until), None)
    untried = {"attempts": 0, "tried_error": "", "try_at": None}
    _write(
        row,
        handled_until=handled_until,
        next_at=following,
        is_planned=True,
        sent_runs=row.sent_runs,
        problem="",
        **untried,
    )


def _write(row: Schedule, **columns: object) -> None:
    Schedule.objects.filter(pk=row.pk).update(**columns)


def _send(row: Schedule, due_at: datetime, now: datetime) -> bool:
    """Store the run and send its alert, unless that has happened; returns whether it was sent now."""
    if row.runs.filter(due_at=due_at).exists():
        return False
    return _deliver(row, ScheduleRun(schedule=row, due_at=due_at, ran_at=now, status=RunStatus.SENT))


def _deliver(row: Schedule, run: ScheduleRun) -> bool:
    """Send the alert of a run and store what became of it; returns whether it was sent. Raises :data:`PASSING`."""
    local, source = None, sources.written(sources.SCHEDULE, row.pk)
    if not run.is_by_hand and not row.zone:
        local = run.due_at.astimezone(ZoneInfo(FIRST_ZONE)).replace(tzinfo=None)
    try:
        with transaction.atomic(), sources.acting_as(_source(row, run)):
            if local is not None:
                run.save()  # its alerts are named after it
            done = contents.send(row.contents, key=None if local is None else waiting.key_of(run), at_local=local)
    except PASSING:
        raise
    except Exception as error:  # an audience is the project's own code
        log.exception("schedule_not_sent", schedule=row.pk, due_at=str(run.due_at))
        if local is not None:
            run.pk, run._state.adding = None, True  # that is rolled back
        run.status, run.error = RunStatus.FAILED, told(error, ERROR_LIMIT)
        failed_calls.note(source, "schedule", error)
        run.save()
        return False
    run.notifications = [one.pk for one in done.notifications]
    run.publications = [one.published for one in done.notifications if one.published is not None]
    run.recipients = done.people
    if done.gone:
        run.error = shortened(" ".join(str(one) for one in done.gone), ERROR_LIMIT)
        failed_calls.note(source, "schedule", done.gone[0])
    run.save()
    return True


def _source(row: Schedule, run: ScheduleRun) -> str:
    """Who sends a run: the schedule, or whoever has it run by hand."""
    by = sources.current() if run.is_by_hand else ""
    return by or sources.written(sources.SCHEDULE, row.pk)


def run_now(row: Schedule, *, key: str | None = None) -> ScheduleRun:
    """Send it now, besides its due times; returns the run, whose ``error`` says why where it could not be sent.

    With a ``key``, of 1 to ``KEY_LIMIT`` characters that can be stored, once: else the run that there is.
    """
    with transaction.atomic():
        held = Schedule.objects.select_for_update().annotate(read_at=Now()).get(pk=row.pk)
        if key is not None and (known := held.runs.filter(key=key).first()) is not None:
            return known
        run, _is_new = ScheduleRun.objects.get_or_create(
            schedule=held,
            due_at=_read_at(held),
            defaults={"ran_at": _read_at(held), "status": RunStatus.SENT, "is_by_hand": True, "key": key},
        )
        _deliver(held, run)
        publishing.publish_changed([held.pk])
    return run


def prune(*, seconds: float = 10.0) -> int:
    """Delete the history of schedules that need not be kept; returns how many rows.

    That is what is older than ``HUB_SCHEDULE_DAYS``, and of each schedule all but its newest ``RUNS_KEPT`` runs.

    Stops after about ``seconds``; what is left is the next call's.
    """
    deadline = time.monotonic() + seconds
    waves, rows, days = ScheduleWave.objects.all(), ScheduleRun.objects.all(), hub_settings().schedule_days
    lists = [(rows, Schedule.objects.all(), "schedule")]
    counted = prune_table("schedule_wave", waves, days=WAVE_DAYS, items=0, lists=[], seconds=seconds)
    left = max(0.0, deadline - time.monotonic())
    return counted + prune_table("schedule_run", rows, days=days, items=RUNS_KEPT, lists=lists, seconds=left)


def compare() -> int:
    """Compare what is due next with what the rows say, and mend those that differ; returns how many.

    They differ where the rules of a time zone have changed, where somebody wrote into the table past Django, and where
    a clock was ahead and has been set right: what seemed missed by that clock is due again, what it has sent is not.
    """
    mended = 0
    rows = Schedule.objects.filter(is_planned=True, is_paused=False, problem="").annotate(read_at=Now())
    for row in rows.order_by("pk").iterator(CHUNK):
        if row.handled_until is None or row.handled_until > _read_at(row) + AHEAD or _is_wrong(row, row.handled_until):
            mended += _mend(row.pk)
    if mended:
        log.warning("schedules_mended", schedules=mended)
    return mended


def _is_wrong(row: Schedule, handled_until: datetime) -> bool:
    try:
        return next(row.due_times(handled_until), None) != row.next_at
    except Exception:  # noqa: BLE001  # what somebody wrote into the row past all checks
        return True


def _mend(pk: int) -> bool:
    with transaction.atomic():
        held = _held([pk])
        if not held or held[0][0].is_paused or not held[0][0].is_planned:
            return False
        [(row, now)] = held
        handled_until = row.handled_until or now
        if handled_until > now + AHEAD:
            handled_until = now
            row.runs.filter(due_at__gt=now, status=RunStatus.MISSED).delete()
        try:
            plan(row, handled_until)
        except Exception as error:  # noqa: BLE001  # likewise
            log.error("schedule_not_readable", schedule=pk, error=str(error))  # noqa: TRY400  # as above
            _write(row, next_at=None, problem=told(error, ERROR_LIMIT))
        return True
