"""Rules and calls that failed, as rows."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications.models.limits import FAILURE_LIMIT
from notifications.sources import SOURCE_LIMIT


class FailedCall(models.Model):
    """A rule that failed, or a call over HTTP that was refused: for the staff (``notifications.failed_calls``)."""

    #: As :mod:`notifications.sources` writes it.
    source = models.CharField(_("source"), max_length=SOURCE_LIMIT)
    #: The model whose row was saved, or the method that was called.
    what = models.CharField(_("what"), max_length=150)
    error = models.CharField(_("error"), max_length=FAILURE_LIMIT)
    times = models.PositiveBigIntegerField(_("times, at least"), default=1)
    created_at = models.DateTimeField(_("first"), default=timezone.now)
    last_at = models.DateTimeField(_("last"), default=timezone.now)

    class Meta:
        verbose_name = _("failed call")
        verbose_name_plural = _("failed calls")
        ordering: ClassVar = ["-last_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.source}: {self.error[:80]}"
