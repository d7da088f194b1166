"""The rows of background jobs (``docs/decisions/019-jobs-are-rows.md``)."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """A durable task that has been called and has not ended well: it waits, runs, or has failed for good.

    Stored in the transaction of the call, deleted when the task has ended. ``worker.jobs`` is all that writes it;
    ``worker.personal_data`` takes people out of it who are erased.
    """

    #: The id of the Celery task.
    id = models.CharField(_("id"), max_length=255, primary_key=True)
    task = models.CharField(_("task"), max_length=255)
    #: JSON text: the list of positional and the object of keyword arguments.
    arguments = models.TextField(_("arguments"))
    #: JSON text: with what else the task is sent, such as its queue and how often it was tried again.
    options = models.TextField(default="{}")
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
            models.Index(fields=["send_at"], condition=models.Q(failed_at=None), name="hub_worker_job_waiting"),
        )

    def __str__(self) -> str:
        return f"{self.task} {self.id}"
