"""What the staff have told queues and workers, and who has."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from hub.fields import NameField


class PausedQueue(models.Model):
    """A queue that no worker reads until it is resumed: what is in it waits."""

    name = NameField(_("queue"), max_length=255, primary_key=True)
    paused_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        verbose_name = _("paused queue")
        verbose_name_plural = _("paused queues")

    def __str__(self) -> str:
        return self.name


class DrainedWorker(models.Model):
    """A run of a worker that begins nothing new. Once it is started again it is another run."""

    #: What the worker called itself when it began (``worker.operations.control``).
    run = NameField(max_length=64, primary_key=True)
    drained_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        verbose_name = _("drained worker")
        verbose_name_plural = _("drained workers")

    def __str__(self) -> str:
        return self.run


class Operation(models.TextChoices):
    """What the staff do on the operations page."""

    PAUSE = "pause", _("Queue paused")
    RESUME = "resume", _("Queue resumed")
    DRAIN = "drain", _("Worker drained")
    UNDRAIN = "undrain", _("Worker takes work again")
    RUN_AGAIN = "run_again", _("Job run again")
    CORRECT = "correct", _("Job run again with other arguments")


class OperationRecord(models.Model):
    """Who has done what, and when."""

    at = models.DateTimeField(_("done at"), db_default=Now())
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("done by"),
    )
    operation = models.CharField(_("operation"), max_length=10, choices=Operation.choices)
    #: A queue, a worker, or the id of a job.
    target = models.CharField(_("target"), max_length=255)

    class Meta:
        default_permissions = ()
        permissions = (
            ("see_operations", _("Can see queues, workers and failed jobs")),
            ("operate", _("Can pause queues, drain workers and run failed jobs again")),
            ("correct_jobs", _("Can run failed jobs again with other arguments")),
        )
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        indexes = (models.Index(fields=["-at"], name="hub_worker_operation_newest"),)

    def __str__(self) -> str:
        return f"{self.get_operation_display()}: {self.target}"
