"""The rows of schedules, and of what became of each due time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications.sources import SOURCE_LIMIT
from worker.schedules import rules
from worker.schedules.rules import Every, Timing

#: Characters of a key, a name, and an error that is kept.
KEY_LIMIT, NAME_LIMIT, ERROR_LIMIT = 200, 200, 500

#: The outcome of a task that nobody follows.
UNKNOWN = "unknown"

#: What a due time follows from. Where one of these is changed, the next one is found again.
TIMING_COLUMNS = frozenset({"rule", "zone", "starts_at", "ends_at", "is_paused"})


class Missed(models.TextChoices):
    """What becomes of due times that are later than the grace allows."""

    SKIP = "skip", _("send nothing")
    ONCE = "once", _("send once for all of them")
    ALL = "all", _("send for each of them")


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    """Finds again when schedules are due whose times were changed past :meth:`Schedule.save`."""

    def update(self, **columns: Any) -> int:
        if TIMING_COLUMNS & columns.keys():
            columns = {"is_planned": False, "next_at": Now(), **columns}
        return super().update(**columns)


class Schedule(models.Model):
    """An alert that is sent at its due times.

    ``worker.schedules.running`` sends and plans, ``worker.schedules.changing`` makes and changes.
    """

    #: Names it in code: the call with the same key changes the same schedule.
    key = models.CharField(_("key"), max_length=KEY_LIMIT, null=True, blank=True, unique=True)
    name = models.CharField(_("name"), max_length=NAME_LIMIT, blank=True)
    #: JSON: the arguments of ``notifications.notify`` (``worker.schedules.contents``).
    contents: Any = models.JSONField(_("contents"))
    #: JSON: ``worker.schedules.rules``.
    rule: Any = models.JSONField(_("rule"))
    zone = models.CharField(_("time zone"), max_length=64, blank=True, help_text=_("Empty: the zone of each person."))
    starts_at = models.DateTimeField(_("start"), null=True, blank=True)
    ends_at = models.DateTimeField(_("end"), null=True, blank=True)
    #: How many due times are sent until it is over; none for no end.
    max_runs = models.PositiveIntegerField(_("number of runs"), null=True, blank=True)
    missed = models.CharField(_("when missed"), max_length=4, choices=Missed, default=Missed.ONCE)
    #: How late a due time is still sent. Without it: until the next one, an hour at most.
    grace = models.DurationField(_("grace time"), null=True, blank=True)
    is_paused = models.BooleanField(_("paused"), default=False)

    #: Who made it or has changed it last, as a source of notifications: ``api_key:7``, ``person:42``, or empty: code.
    made_by = models.CharField(_("made by"), max_length=SOURCE_LIMIT, blank=True, default="", editable=False)
    #: Whether ``next_at`` is of the columns as they are now.
    is_planned = models.BooleanField(default=False, editable=False)
    #: All due times up to here have had their turn.
    handled_until = models.DateTimeField(null=True, editable=False)
    #: When it has to be looked at next; empty while it is paused, and when it is over.
    next_at = models.DateTimeField(_("next"), null=True, default=timezone.now, editable=False)
    sent_runs = models.PositiveIntegerField(default=0, editable=False)
    #: How often its next due time was tried, with the last error, and until when it rests.
    attempts = models.PositiveIntegerField(default=0, editable=False)
    tried_error = models.CharField(max_length=ERROR_LIMIT, blank=True, editable=False)
    try_at = models.DateTimeField(null=True, editable=False)
    #: Why it is not due any more, where that is an error.
    problem = models.CharField(max_length=ERROR_LIMIT, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    #: The columns that due times follow from, as they are in the row.
    _timed_by: Any = None

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        ordering: ClassVar = ["pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], condition=models.Q(next_at__isnull=False), name="hub_worker_schedule_next"
            )
        ]

    def __str__(self) -> str:
        said = self.contents if isinstance(self.contents, dict) else {}
        return self.name or str(said.get("title") or said.get("message") or said.get("kind") or self.pk)[:80]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As Django does; finds again when it is due where that may have changed."""
        if self._timed_by != self._timing_values():
            self.is_planned, self.next_at = False, timezone.now()
            if (only := kwargs.get("update_fields")) is not None:
                kwargs["update_fields"] = {*only, "is_planned", "next_at"}
        super().save(*args, **kwargs)
        self._timed_by = self._timing_values()

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        """As Django does; notes what its due times follow from."""
        found = super().from_db(*args, **kwargs)
        if not TIMING_COLUMNS & found.get_deferred_fields():
            found._timed_by = found._timing_values()
        return found

    def _timing_values(self) -> list[Any]:
        return [repr(getattr(self, name)) for name in sorted(TIMING_COLUMNS)]

    def timing(self) -> Timing:
        """When it is due.

        Raises:
            worker.schedules.rules.BadRule: what the row says is no rule.
        """
        rule = rules.from_json(self.rule)
        start = self.created_at if isinstance(rule, Every) else None
        return Timing(rule, self.zone, self.starts_at or start, self.ends_at)

    def due_times(self, after: datetime) -> Iterator[datetime]:
        """When it is due later than ``after``, as far as it is to run at all. Raises as :meth:`timing`."""
        left = None if self.max_runs is None else max(0, self.max_runs - self.sent_runs)
        return islice(self.timing().after(after), left)

    def next(self, number: int) -> list[datetime]:
        """The next due times, so many at most, in UTC; none while it is paused, or where ``number`` is below 1.

        Raises as :meth:`timing`.
        """
        if self.is_paused or number < 1:
            return []
        handled = self.handled_until if self.is_planned else None
        return list(islice(self.due_times(max(handled or self.created_at, datetime.now(UTC))), number))

    @property
    def is_over(self) -> bool:
        """Whether it has no due time any more."""
        return self.is_planned and self.next_at is None and not self.is_paused


class RunStatus(models.TextChoices):
    """What became of a due time."""

    SENT = "sent", _("sent")
    MISSED = "missed", _("missed")
    FAILED = "failed", _("failed")


class Run(models.Model):
    """A due time that has had its turn."""

    due_at = models.DateTimeField(_("due at"))
    #: When it was sent or found to be missed.
    ran_at = models.DateTimeField(_("ran at"))
    error = models.CharField(_("error"), max_length=ERROR_LIMIT, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    #: A column of each kind of runs, with values of its own besides those of :class:`RunStatus`.
    status: str

    class Meta:
        abstract = True

    @property
    def late_by(self) -> float:
        """Seconds between its due time and when it was sent; 0 of one that was not."""
        return max(0.0, (self.ran_at - self.due_at).total_seconds()) if self.status == RunStatus.SENT else 0.0


class ScheduleRun(Run):
    """A due time of a schedule that is over, or a run by hand. Stored in the transaction that sends it."""

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="runs")
    status = models.CharField(_("status"), max_length=6, choices=RunStatus)
    is_by_hand = models.BooleanField(_("by hand"), default=False)
    #: Names the call that had it run by hand: the same call again is the same run.
    key = models.CharField(max_length=KEY_LIMIT, null=True, editable=False)  # noqa: DJ001  # most runs have none
    #: JSON: the ids of the notifications, and of those publications of them that are to single channels.
    notifications: Any = models.JSONField(default=list)
    publications: Any = models.JSONField(default=list, editable=False)
    #: How many people it was for; empty where that is not known, or not yet (``worker.schedules.receipts``).
    recipients = models.PositiveIntegerField(_("recipients"), null=True, editable=False)
    #: How many open connections were sent it live, as the web processes have counted; empty where none has.
    received = models.PositiveIntegerField(_("received live by"), null=True, editable=False)

    class Meta:
        verbose_name = _("run of a schedule")
        verbose_name_plural = _("runs of schedules")
        ordering: ClassVar = ["-due_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["schedule", "due_at"], name="hub_worker_run_once"),
            models.UniqueConstraint(fields=["schedule", "key"], name="hub_worker_run_key_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["ran_at"], name="hub_worker_run_recent"),
            models.Index(
                fields=["ran_at"],
                condition=models.Q(recipients=None, status=RunStatus.SENT),
                name="hub_worker_run_uncounted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id}: {self.due_at:%Y-%m-%d %H:%M}"


class ScheduleWave(models.Model):
    """What a run in people's own zones has sent since: to those of one zone, when it was that time where they are.

    Stored in the transaction that sends it, read by ``worker.schedules.receipts`` until it is counted, and deleted a
    day later.
    """

    #: The id of the run, which need not be kept any more.
    run = models.BigIntegerField()
    #: When it was sent.
    ran_at = models.DateTimeField(db_default=Now(), db_index=True)
    #: JSON: as those of a run.
    notifications: Any = models.JSONField(default=list)
    publications: Any = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.run}: {self.ran_at:%Y-%m-%d %H:%M}"


class PeriodicRunStatus(models.TextChoices):
    """What became of a due time of a periodic task."""

    #: Beat has claimed it, and nobody knows yet whether the task was sent.
    SENDING = "sending", _("being sent")
    SENT = "sent", RunStatus.SENT.label
    MISSED = "missed", RunStatus.MISSED.label
    FAILED = "failed", RunStatus.FAILED.label


class PeriodicRun(Run):
    """A due time of a periodic task of django-celery-beat. Stored in the transaction in which beat claims it.

    ``worker.schedules.periodic_runs`` is all that writes it.
    """

    #: The key of the periodic task: its table is another app's, which need not be installed.
    periodic_task = models.BigIntegerField(_("periodic task"))
    status = models.CharField(_("status"), max_length=7, choices=PeriodicRunStatus)
    #: The id under which its task is sent; empty where none is.
    job = models.CharField(_("job"), max_length=36, blank=True)
    #: Whether its task is a durable one, which is owed until it has ended.
    is_durable = models.BooleanField(default=False)
    #: How its task has ended, a :class:`worker.models.JobState`; empty until that is known, :data:`UNKNOWN` where it
    #: never is, because nobody follows the task.
    outcome = models.CharField(max_length=9, blank=True)

    class Meta:
        verbose_name = _("run of a periodic task")
        verbose_name_plural = _("runs of periodic tasks")
        ordering: ClassVar = ["-due_at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["periodic_task", "due_at"], name="hub_worker_periodic_of_task"),
            models.Index(
                fields=["ran_at"],
                condition=models.Q(status=PeriodicRunStatus.SENDING),
                name="hub_worker_periodic_unsent",
            ),
            models.Index(
                fields=["ran_at"],
                condition=models.Q(status=PeriodicRunStatus.SENT, outcome=""),
                name="hub_worker_periodic_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.periodic_task}: {self.due_at:%Y-%m-%d %H:%M}"
