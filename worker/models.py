"""The rows of background jobs (``docs/decisions/019-jobs-are-rows.md``)."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from hub.fields import NameField


class Job(models.Model):
    """A durable task that has been called and has not ended well: it waits, runs, or has failed for good.

    Stored in the transaction of the call, deleted when the task has ended. ``worker.jobs`` is all that writes it;
    ``worker.personal_data`` takes people out of it who are erased.
    """

    #: The id of the Celery task.
    id = NameField(_("id"), max_length=255, primary_key=True)
    task = models.CharField(_("task"), max_length=255)
    #: JSON text: the list of positional and the object of keyword arguments.
    arguments = models.TextField(_("arguments"))
    #: JSON text: with what else the task is sent, such as its queue and how often it was tried again.
    options = models.TextField(default="{}")
    #: The queue that it waits in at the broker; empty where exchanges of the broker decide.
    queue = models.CharField(_("queue"), max_length=255, default="", db_default="", editable=False)
    #: Of this call; another call under the same id has another. A message says which of them it is of.
    nonce = models.CharField(max_length=32, default="", db_default="", editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    #: When it is to run.
    due_at = models.DateTimeField(_("due at"), db_default=Now())
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    #: When it is sent again, unless it has a heartbeat before.
    send_at = models.DateTimeField(db_default=Now())
    #: How often it was sent again since its last heartbeat.
    resends = models.PositiveSmallIntegerField(default=0)
    #: How often it began since it was sent for the first time, or to be tried again: runs that nobody saw end.
    starts = models.PositiveSmallIntegerField(_("starts"), default=0)
    failed_at = models.DateTimeField(_("failed at"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ("-created_at",)
        indexes = (
            models.Index(
                fields=["queue", "send_at"], condition=models.Q(failed_at=None), name="hub_worker_job_waiting"
            ),
            models.Index(
                fields=["queue", "due_at", "created_at", "id"],
                condition=models.Q(failed_at=None, starts=0),
                name="hub_worker_job_places",
            ),
            models.Index(fields=["-failed_at"], condition=~models.Q(failed_at=None), name="hub_worker_job_failed"),
        )

    def __str__(self) -> str:
        return f"{self.task} {self.id}"


class JobState(models.TextChoices):
    """What has become of a tracked job."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    RETRYING = "retrying", _("Will be tried again")
    LOST = "lost", _("Lost")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class JobSource(models.TextChoices):
    """Who runs a tracked job, and so how it is known that it still runs."""

    DURABLE = "durable", _("A job of the hub")
    CELERY = "celery", _("A task of Celery")
    API = "api", _("Another program")


class TrackedJob(models.Model):
    """The life of a job as people watch it: it stays when the job has ended.

    Says nothing of what is owed; that is :class:`Job`, which has the same id. ``worker.tracking.stored`` is all that
    writes it.
    """

    #: The id of the Celery task, or what another program calls its work.
    id = NameField(_("id"), max_length=255, primary_key=True)
    source = models.CharField(max_length=10, choices=JobSource.choices, default=JobSource.DURABLE)
    task = models.CharField(_("task"), max_length=255, blank=True)
    title = models.CharField(_("title"), max_length=200)
    #: Text for people, with secrets masked.
    arguments = models.TextField(_("arguments"), blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("started by"),
    )
    #: The job that has called it, and the first of all these; empty where nothing has.
    parent = models.CharField(_("parent"), max_length=255, blank=True)
    root = models.CharField(max_length=255, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    #: How often it began.
    runs = models.PositiveIntegerField(_("runs"), default=0)
    done = models.FloatField(null=True, blank=True)
    total = models.FloatField(null=True, blank=True)
    text = models.CharField(_("progress"), max_length=200, blank=True)
    #: The newest lines, each with its time as text of ISO 8601.
    log: Any = models.JSONField(_("log"), default=list, blank=True)
    result_text = models.CharField(_("result"), max_length=1000, blank=True)
    result_url = models.CharField(_("link to the result"), max_length=2000, blank=True)
    error = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    #: When it counts as lost unless something is heard of it before.
    lost_at = models.DateTimeField(null=True, blank=True)
    # The rest is of plain tasks of Celery alone: of a durable job ``Job`` has it.
    #: The queue that it was sent to; empty where that is not known. When, unless it waits for a time of its own.
    queue = models.CharField(_("queue"), max_length=255, blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)
    #: JSON text: the list of positional and the object of keyword arguments, with a mask in the place of secrets.
    #: Empty where they cannot be kept, and when it has ended well.
    call = models.TextField(blank=True, default="")
    #: When it failed, until somebody has it run again.
    failed_at = models.DateTimeField(null=True, blank=True)
    #: The id of the run that failed, and that this one repeats.
    repeats = models.CharField(_("repeats"), max_length=255, blank=True, default="")

    class Meta:
        verbose_name = _("tracked job")
        verbose_name_plural = _("tracked jobs")
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["owner", "-created_at"], name="hub_worker_tracked_of_owner"),
            models.Index(fields=["-created_at"], name="hub_worker_tracked_newest"),
            models.Index(fields=["root"], name="hub_worker_tracked_tree"),
            models.Index(fields=["lost_at"], condition=models.Q(ended_at=None), name="hub_worker_tracked_active"),
            models.Index(fields=["ended_at"], name="hub_worker_tracked_ended"),
            models.Index(fields=["-failed_at"], condition=~models.Q(failed_at=None), name="hub_worker_tracked_failed"),
            models.Index(
                fields=["queue", "sent_at", "id"],
                condition=models.Q(started_at=None, ended_at=None) & ~models.Q(sent_at=None),
                name="hub_worker_tracked_waiting",
            ),
            models.Index(
                fields=["queue", "-sent_at"],
                condition=~models.Q(started_at=None) & ~models.Q(sent_at=None),
                name="hub_worker_tracked_begun",
            ),
        )

    def __str__(self) -> str:
        return f"{self.title} {self.id}"

    @property
    def is_waiting(self) -> bool:
        """Whether nobody runs it. One that was taken for lost may run all the same, and is asked to end."""
        return self.state in {JobState.QUEUED, JobState.RETRYING}

    @property
    def is_cancellable(self) -> bool:
        """Whether it can be cancelled: not once it is over, nor a running task that says nothing to the hub."""
        return self.ended_at is None and (self.source != JobSource.CELERY or self.is_waiting)


# Django finds the models of an app in this module.
from worker.operations import models as _of_operations  # noqa: E402, F401  # it imports this one
from worker.schedules import models as _of_schedules  # noqa: E402, F401  # likewise
