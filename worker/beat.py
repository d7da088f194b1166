"""The scheduler that ``celery -A worker beat`` runs: django-celery-beat's, with heartbeats and sturdier."""

import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

import kombu.exceptions
from celery.beat import SchedulingError
from celery.schedules import schedstate
from django.db import DatabaseError, InterfaceError, close_old_connections, transaction
from django.db.models import F, Q
from django.utils import timezone
from django_celery_beat.models import PeriodicTasks
from django_celery_beat.schedulers import NEVER_CHECK_TIMEOUT, DatabaseScheduler, ModelEntry

from hub.database import heartbeats, leases
from hub.logs import get_logger
from hub.ops import liveness_file
from worker import due_times, jobs
from worker.arguments import misfit
from worker.clock import AHEAD, Clock
from worker.durable import DurableTask
from worker.jobs import JobCall
from worker.maintenance import maintenance_tasks
from worker.schedules import periodic_runs, running
from worker.schedules.models import PeriodicRun, PeriodicRunStatus
from worker.scheduling import BEAT_LEASE
from worker.tracking.masking import without_secrets
from worker.tracking.watching import is_watched
from worker.written_rows import WrittenRows

log = get_logger(__name__)

#: Seconds between two heartbeats of beat itself.
BEAT_INTERVAL = 5.0

#: Seconds of the lease of the one beat that sends: over twice the longest pause between two ticks.
#: That long nothing is sent after a beat was killed; one that is stopped gives the lease back.
LEASE_SECONDS = 12.0

#: Seconds between two looks at schedules of which the last one has sent nothing.
HELD_PAUSE = 0.1

#: Due times that have passed are counted up to so many: the newest of those that are looked at.
MISSED_LIMIT, LOOKED_AT = 1000, 100_000

#: Seconds between two looks at what a beat has left behind that was killed while it sent.
UNSENT_PAUSE = 10.0


#: What is raised where the broker did not answer while a task was sent.
BROKER_AWAY = (kombu.exceptions.OperationalError, OSError)

#: What is said of a due time whose periodic task is gone, and of one of which nobody knows whether it was sent.
GONE = "Its periodic task was switched off before it was sent."
UNCLEAR = "A beat was killed while it sent this, and nobody knows whether it was sent. It is not sent again."


class HubEntry(ModelEntry):
    """A row of the admin as beat runs it. Beat writes when it ran and whether it is over, and no other column.

    The library reads a row and writes the whole of it: an edit made in between would be lost, and a row that was
    deleted in between would be back.
    """

    def __init__(self, model: Any, app: Any = None) -> None:
        self.ran_at = model.last_run_at  # as it is in the row; the library puts a time where there is none
        #: When somebody saved the row last. A run is no change.
        self.changed_at: datetime = model.date_changed or timezone.now()
        #: From when due times count: those before are over.
        self.counts_from: datetime = self.ran_at or self.changed_at
        self._next: datetime | None = None
        super().__init__(model, app=app)

    def claim(self, status: PeriodicRunStatus = PeriodicRunStatus.SENT, **columns: Any) -> PeriodicRun | None:
        """Write down that it runs now, before it is sent; returns its row in the history if this due time is ours.

        It is not where the row is gone or switched off, or where another beat has run it since this one read it. So
        two beats that find the same due time get it once. Together with the row of the job in one transaction, a run
        is claimed and owed or neither, whenever beat is killed. ``columns`` are those of :func:`periodic_runs.store`;
        what is sent next has the id in the history.
        """
        row = type(self.model)._default_manager.filter(pk=self.model.pk, enabled=True, last_run_at=self.ran_at)
        with transaction.atomic(savepoint=False):
            if not row.update(last_run_at=self.model.last_run_at, total_run_count=F("total_run_count") + 1):
                return None
            *missed, due = self._passed() or [self.model.last_run_at]
            run = periodic_runs.store(self.model.pk, due, missed, status=status, **columns)
        self.options["task_id"] = run.job
        return run

    def missed(self) -> list[datetime]:
        """The due times that have passed without a run when it runs now: all since it counts but the newest.

        By the schedule as it is now, oldest first, the newest :data:`MISSED_LIMIT`. None of solar events.
        """
        return self._passed()[:-1]

    def _passed(self) -> list[datetime]:
        if self.model.solar_id is not None:
            return []
        now = self.model.last_run_at
        found = due_times.until(self._due_times(newest=(MISSED_LIMIT + 1, now)), now)
        return list(deque(islice(found, LOOKED_AT), MISSED_LIMIT + 1))

    def _due_times(self, newest: tuple[int, datetime] | None = None) -> Iterator[datetime]:
        """When it is due from where it counts: never before its start, and never for having been saved.

        Of a short interval only the ``newest`` so many that have passed at a time, and those behind them.
        """
        start, since = self.model.start_time, self.counts_from
        if self.model.interval_id is not None:
            every: timedelta = self.schedule.run_every
            first = start if self.ran_at is None else max(since + every, start or since)
            if newest is not None and every < timedelta(days=1):
                first, since = first or since + every, max(since, newest[1] - newest[0] * every)
            return due_times.of_interval(every, since, first=first)
        if start is not None:
            since = max(since, start - timedelta(microseconds=1))
        if self.model.crontab_id is not None:
            # A due time that the row did not have when it passed is none.
            return due_times.of_crontab(self.schedule, max(since, self.changed_at))
        if self.model.clocked_id is not None:
            return iter([max(self.schedule.clocked_time, start or self.schedule.clocked_time)])
        since = max(since, self.changed_at)
        return iter([self.schedule.now() + self.schedule.remaining_estimate(since)])

    def is_useless(self, due_at: datetime) -> bool:
        """Whether the time is over in which this due time would have been of use."""
        expires = self.options.get("expires")
        if expires is None:
            return False
        over_at = expires if isinstance(expires, datetime) else due_at + timedelta(seconds=expires)
        return bool(over_at < timezone.now())

    def count_from(self, moment: datetime) -> None:
        """Find what is due next as if it had run at ``moment``."""
        self.counts_from = self.last_run_at = self.model.last_run_at = moment
        self.changed_at = min(self.changed_at, moment)
        self._next = None

    def save(self) -> None:
        """Nothing: :meth:`claim` has written it already."""

    def is_due(self) -> Any:
        """Whether it is due, and in how many seconds to ask again; a one-off that ran is switched off."""
        if self.model.one_off and self.model.enabled and self.model.total_run_count > 0:
            self.model.enabled, self.model.total_run_count = False, 0
            self._write(enabled=False, total_run_count=0)
            PeriodicTasks.update_changed()
            return schedstate(is_due=False, next=NEVER_CHECK_TIMEOUT)
        if not self.model.enabled:
            return schedstate(is_due=False, next=BEAT_INTERVAL)
        now = timezone.now()
        if self.model.expires is not None and now >= self.model.expires:
            self._disable(self.model)
            return schedstate(is_due=False, next=NEVER_CHECK_TIMEOUT)
        if self._next is None:
            self._next = next(self._due_times(), datetime.max.replace(tzinfo=UTC))
        wait = (self._next - now).total_seconds()
        return schedstate(is_due=wait <= 0, next=max(0.0, min(wait, NEVER_CHECK_TIMEOUT)))

    def _disable(self, model: Any) -> None:
        self.model = model  # the library calls this before it has set it
        model.enabled = False
        self._write(enabled=False)

    def _write(self, **columns: Any) -> None:
        type(self.model)._default_manager.filter(pk=self.model.pk).update(**columns)


class HubScheduler(DatabaseScheduler):
    """Sends what is due by the rows of the admin, and every few seconds a heartbeat.

    Of several that run at the same time one sends, by a lease in the database; the others wait for it to end. A due
    time is claimed in its row in the transaction that stores its job, so that it becomes one job whoever sends.

    Goes on through a database or a broker that is away and through a row that it cannot read; a change in the admin
    counts from the next tick, at most ``beat_max_loop_interval`` seconds later.
    """

    Entry = HubEntry
    #: Each task is sent by a connection of the application's pool, whose timeouts hold; the library's own would wait
    #: for the broker however long it is away, and beat would stand still.
    producer = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._next_beat = time.monotonic()
        self._holder = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._leads = False
        self._pause = 0.0  # seconds that this tick wants at least before the next
        self._clock = Clock()
        #: From when rows count that say they ran in the future: by row and what it says.
        self._counted_from: dict[tuple[int, datetime], datetime] = {}
        self._written = WrittenRows()
        #: Runs that were sent, although the database has not heard of that; and when those are looked for next.
        self._unmarked, self._next_look = set[int](), time.monotonic()
        #: The periodic tasks of the hub itself, which have no rows. The beat that leads runs them.
        self.maintenance = maintenance_tasks()
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Read the schedule, and before it the time of the last change, so that none falls between the two."""
        self._last_timestamp = self.Changes.last_change()
        super().setup_schedule()

    def schedule_changed(self) -> bool:
        """Whether a row was changed since the last call.

        The library asks whether the time of the last change grew. So it misses the first change of a new database,
        which has nothing to grow from, every change made on a host whose clock is behind, and what ``update()`` and
        SQL have changed, of which nothing tells: rows are compared every few seconds.
        """
        before = self._last_timestamp
        super().schedule_changed()
        return bool(self._last_timestamp != before) | self._written.look()

    def enabled_models_qs(self) -> Any:
        # The library leaves out rows that are not due soon, by an arithmetic of time zones that ignores daylight
        # saving and half hours. Reading all of them costs less than one that is missed.
        return self.Model.objects.enabled()

    def all_as_schedule(self) -> dict[str, Any]:
        """The enabled rows by name. A row that cannot be read is logged and left out; the others run."""
        return {entry.name: entry for entry in self._entries(self.enabled_models())}

    def _entries(self, rows: Iterable[Any]) -> Iterator[HubEntry]:
        """The entries of these rows but for those that cannot be read."""
        for row in rows:
            try:
                yield self._counting_from_now(self.Entry(row, app=self.app))
            except DatabaseError:
                raise
            except Exception:
                log.exception("periodic_task_left_out", periodic_task=row.name)

    def _counting_from_now(self, entry: HubEntry) -> HubEntry:
        """An entry that ran in the future, by a clock that was wrong, would wait until then and its interval more."""
        now = timezone.now()
        latest = max(entry.counts_from, entry.changed_at)
        if latest > now + AHEAD:
            entry.count_from(self._counted_from.setdefault((entry.model.pk, latest), now))
        return entry

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due and the heartbeats that are; return how many seconds may pass before the next tick."""
        if back := self._clock.was_set_back():
            log.warning("clock_set_back", seconds=round(back))
            self._read_again()
        try:
            wait = float(super().tick(*args, **kwargs)) if self._may_send() else BEAT_INTERVAL
            wait, self._pause = max(wait, self._pause), 0.0
            if self._leads:
                self._send_unsent()
                sent = running.send_due()
                # What is due and was not sent is held by somebody else, who needs a moment.
                wait = min(wait, max(running.seconds_to_next(wait), 0.0 if sent else HELD_PAUSE))
        except (DatabaseError, InterfaceError) as error:
            log.warning("schedules_not_read", error=type(error).__name__)
            close_old_connections()
            wait = BEAT_INTERVAL
        self._send_heartbeats()
        if self._leads:
            for task in self.maintenance:
                task.send_if_due()
        next_times = [self._next_beat, *(task.due_at for task in self.maintenance if self._leads)]
        return min(wait, max(0.0, min(next_times) - time.monotonic()))

    def apply_entry(self, entry: HubEntry, producer: Any = None) -> None:
        """Send an entry whose due time is ours; read the rows again where it is not, or while there is no broker."""
        if not self._broker_answers():
            # Not claimed, so it goes out when the broker is back: once, however many due times have passed by then.
            self._pause = BEAT_INTERVAL
            self._read_again()
            return
        task = self.app.tasks.get(entry.task)
        try:
            if wrong := misfit(task, entry.args, entry.kwargs):
                # It will not get better by the next tick, so its due time is over.
                reason = _without_secrets(entry, wrong[1])
                if claimed := entry.claim(PeriodicRunStatus.FAILED, error=reason):
                    _note_failure(entry, reason)
            elif isinstance(task, DurableTask):
                claimed = self._claim_and_call(entry)
            elif claimed := entry.claim(PeriodicRunStatus.SENDING, is_watched=is_watched(entry.task)):
                self._send(entry, claimed, producer)
        except (DatabaseError, InterfaceError):
            self._read_again()
            raise
        if not claimed:
            self._read_again()
        elif missed := entry.missed():
            _note_missed(entry, missed)

    def _send(self, entry: HubEntry, run: PeriodicRun, producer: Any = None) -> None:
        """Send a plain task that is claimed, and write down that it was sent."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            if self._may_repeat(entry) and isinstance(error.__context__, BROKER_AWAY):
                log.warning("broker_away", task=entry.task, error=type(error.__context__).__name__)
                return  # what is not marked is sent again
            # The broker may have it all the same: it is not repeated.
            reason = _reason(entry, error)
            periodic_runs.mark(run, PeriodicRunStatus.FAILED, reason)
            _note_failure(entry, reason)
        else:
            self._unmarked.add(run.pk)
            periodic_runs.mark(run, PeriodicRunStatus.SENT)
            self._unmarked.discard(run.pk)

    def _may_repeat(self, entry: HubEntry) -> bool:
        """Whether Celery runs the task again when its worker is killed; not of one that this process does not know."""
        return bool(getattr(self.app.tasks.get(entry.task), "acks_late", False))

    def _send_unsent(self) -> None:
        """Look after the plain tasks that were claimed and are not marked as sent: a beat was killed in between.

        Nobody knows whether it was sent. It is sent again, with the same id, where Celery would run it again as well
        if its worker was killed; else that is written down, for people.
        """
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + UNSENT_PAUSE
        for run in periodic_runs.unsent():
            if run.pk in self._unmarked or periodic_runs.is_seen(run):
                periodic_runs.mark(run, PeriodicRunStatus.SENT)
                self._unmarked.discard(run.pk)
            elif self._broker_answers():
                self._send_late(run)

    def _send_late(self, run: PeriodicRun) -> None:
        # One that runs once is switched off by having run.
        rows = self.Model.objects.filter(Q(enabled=True) | Q(one_off=True), pk=run.periodic_task)
        entry = next(self._entries(rows), None)
        if entry is None:
            periodic_runs.mark(run, PeriodicRunStatus.MISSED, GONE)
        elif not self._may_repeat(entry):
            log.warning("periodic_task_unclear", periodic_task=entry.name, job=run.job)
            periodic_runs.mark(run, PeriodicRunStatus.MISSED, UNCLEAR)
            _store_failed(entry, f"Missed: {entry.name!r}. {UNCLEAR}")
        elif entry.is_useless(run.due_at):
            periodic_runs.mark(run, PeriodicRunStatus.MISSED, jobs.EXPIRED)
        elif periodic_runs.take(run):
            log.warning("periodic_task_sent_again", periodic_task=entry.name, job=run.job)
            entry.options["task_id"] = run.job
            self._send(entry, run)

    def _claim_and_call(self, entry: HubEntry) -> PeriodicRun | None:
        """Claim the due time and store the job; it is sent after the commit of both."""
        with transaction.atomic():
            run = entry.claim(is_durable=True)
            if run is None:
                return None
            try:
                with transaction.atomic():
                    self.apply_async(entry, advance=False)
            except SchedulingError as error:
                if isinstance(error.__context__, DatabaseError | InterfaceError):
                    raise error.__context__ from None
                reason = _reason(entry, error)
                periodic_runs.mark(run, PeriodicRunStatus.FAILED, reason)
                _note_failure(entry, reason)
        return run

    def sync(self) -> None:
        """Nothing: entries write for themselves. The library would close the connection in the midst of a claim."""

    def close(self) -> None:
        """End sending; another beat may begin at once."""
        super().close()
        if self._leads:
            self._leads = False
            try:
                leases.release(BEAT_LEASE, self._holder)
            except (DatabaseError, InterfaceError) as error:
                log.warning("lease_not_returned", error=type(error).__name__)

    def _broker_answers(self) -> bool:
        try:
            with self.app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=0)
        except Exception as error:  # noqa: BLE001  # each broker's library raises its own
            log.warning("broker_away", error=type(error).__name__)
            return False
        return True

    def _may_send(self) -> bool:
        led, self._leads = self._leads, False
        self._leads = leases.hold(BEAT_LEASE, self._holder, seconds=LEASE_SECONDS)
        if self._leads and not led:
            log.info("beat_leads", holder=self._holder)
            for task in self.maintenance:
                task.start()
        elif led and not self._leads:
            log.warning("beat_follows", holder=self._holder)
        return self._leads

    def _read_again(self) -> None:
        self._initial_read = self._heap_invalidated = True

    def _send_heartbeats(self) -> None:
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + BEAT_INTERVAL
        liveness_file.touch(heartbeats.BEAT)  # also without a database: another beat would have none either
        try:
            heartbeats.beat(heartbeats.here(heartbeats.BEAT))
        except (DatabaseError, InterfaceError) as error:
            log.warning("heartbeat_not_stored", error=type(error).__name__)
            close_old_connections()


def _note_missed(entry: HubEntry, missed: Sequence[datetime]) -> None:
    """Due times have passed without a run: for the log, and for people a job that has not happened."""
    first, last = (moment.isoformat(timespec="seconds") for moment in (missed[0], missed[-1]))
    log.warning("due_times_missed", periodic_task=entry.name, times=len(missed), first=first, last=last)
    times = "1 due time" if len(missed) == 1 else f"{len(missed)} due times"
    _store_failed(entry, f"Missed: {times} of {entry.name!r}, {first} to {last}. No beat or no broker was there.")


def _note_failure(entry: HubEntry, reason: str) -> None:
    """Nothing can be sent for this due time: for the log, and for people a job that failed."""
    log.error("periodic_task_not_sent", periodic_task=entry.name, error=reason)
    _store_failed(entry, f"Not sent: {entry.name!r}. {reason}")


def _reason(entry: HubEntry, error: SchedulingError) -> str:
    return _without_secrets(entry, f"{type(error.__context__).__name__}: {error.__context__}")


def _without_secrets(entry: HubEntry, text: str) -> str:
    """An error as the history, which others see than the arguments, and the log have it."""
    return without_secrets(text, *_arguments(entry), entry.task)


def _arguments(entry: HubEntry) -> tuple[list[Any], dict[str, Any]]:
    """What the row says, which anybody may have written."""
    args = entry.args if isinstance(entry.args, list) else [entry.args]
    return args, entry.kwargs if isinstance(entry.kwargs, dict) else {}


def _store_failed(entry: HubEntry, error: str) -> None:
    args, kwargs = _arguments(entry)
    call = JobCall(str(uuid4()), entry.task, args, kwargs, {"headers": {"periodic_task_name": entry.name}})
    try:
        jobs.store_failed(call, error, durable=isinstance(entry.app.tasks.get(entry.task), DurableTask))
    except (DatabaseError, InterfaceError) as fault:
        log.warning("job_not_noted", job=call.id, error=type(fault).__name__)
