"""The scheduler that ``celery -A worker beat`` runs: django-celery-beat's, with signs of life and sturdier."""

import time
from typing import Any

import structlog
from celery.schedules import schedstate
from django.db import DatabaseError, InterfaceError, close_old_connections
from django_celery_beat.models import PeriodicTasks
from django_celery_beat.schedulers import NEVER_CHECK_TIMEOUT, DatabaseScheduler, ModelEntry

from hub import heartbeats
from worker.heartbeat import beat_from_worker

log = structlog.get_logger(__name__)

#: Seconds between two signs of life of beat itself.
BEAT_INTERVAL = 5.0

#: Seconds between two heartbeat tasks for the workers. One that nobody took by then expires, so they never pile up.
WORKER_INTERVAL = 10.0


class HubEntry(ModelEntry):
    """A row of the admin as beat runs it. Beat writes when it ran and whether it is over, and no other column.

    The library reads a row and writes the whole of it: an edit made in between would be lost, and a row that was
    deleted in between would be back.
    """

    def save(self) -> None:
        """Write down when it ran; nothing where the row is gone."""
        self._write(last_run_at=self.model.last_run_at, total_run_count=self.model.total_run_count)

    def is_due(self) -> Any:
        """Whether it is due, and in how many seconds to ask again; a one-off that ran is switched off."""
        if self.model.one_off and self.model.enabled and self.model.total_run_count > 0:
            self.model.enabled, self.model.total_run_count = False, 0
            self._write(enabled=False, total_run_count=0)
            PeriodicTasks.update_changed()
            return schedstate(is_due=False, next=NEVER_CHECK_TIMEOUT)
        return super().is_due()

    def _disable(self, model: Any) -> None:
        self.model = model  # the library calls this before it has set it
        model.enabled = False
        self._write(enabled=False)

    def _write(self, **columns: Any) -> None:
        type(self.model)._default_manager.filter(pk=self.model.pk).update(**columns)


class HubScheduler(DatabaseScheduler):
    """Sends what is due by the rows of the admin, and every few seconds a sign of life.

    Goes on through a database or a broker that is away and through a row that it cannot read; a change in the admin
    counts from the next tick, at most ``beat_max_loop_interval`` seconds later.
    """

    Entry = HubEntry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._next_beat = self._next_worker_task = time.monotonic()
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Read the schedule, and before it the time of the last change, so that none falls between the two."""
        self._last_timestamp = self.Changes.last_change()
        super().setup_schedule()

    def schedule_changed(self) -> bool:
        """Whether a row was changed since the last call.

        The library asks whether the time of the last change grew. So it misses the first change of a new database,
        which has nothing to grow from, and every change made on a host whose clock is behind.
        """
        before = self._last_timestamp
        super().schedule_changed()
        return bool(self._last_timestamp != before)

    def enabled_models_qs(self) -> Any:
        # The library leaves out rows that are not due soon, by an arithmetic of time zones that ignores daylight
        # saving and half hours. Reading all of them costs less than one that is missed.
        return self.Model.objects.enabled()

    def all_as_schedule(self) -> dict[str, Any]:
        """The enabled rows by name. A row that cannot be read is logged and left out; the others run."""
        schedule = {}
        for row in self.enabled_models():
            try:
                schedule[row.name] = self.Entry(row, app=self.app)
            except DatabaseError:
                raise
            except Exception:
                log.exception("a periodic task cannot be read and is left out", periodic_task=row.name)
        return schedule

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due and the signs of life that are; return how many seconds may pass before the next tick."""
        try:
            wait = float(super().tick(*args, **kwargs))
        except (DatabaseError, InterfaceError) as error:
            log.warning("the database cannot be asked for what is due", error=type(error).__name__)
            close_old_connections()
            wait = BEAT_INTERVAL
        self._show_life()
        return min(wait, max(0.0, min(self._next_beat, self._next_worker_task) - time.monotonic()))

    def _show_life(self) -> None:
        now = time.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + BEAT_INTERVAL
            try:
                heartbeats.beat(heartbeats.here(heartbeats.BEAT))
            except (DatabaseError, InterfaceError) as error:
                log.warning("the heartbeat was not stored", error=type(error).__name__)
                close_old_connections()
        if now >= self._next_worker_task:
            self._next_worker_task = now + WORKER_INTERVAL
            try:
                beat_from_worker.apply_async(expires=WORKER_INTERVAL, retry=False)
            except Exception as error:  # noqa: BLE001  # whatever the broker's library raises, beat goes on
                log.warning("the broker cannot be reached", error=type(error).__name__)
