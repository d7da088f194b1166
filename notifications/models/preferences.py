"""What people have chosen."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from notifications.models.limits import SUBJECT_LIMIT


class Preferences(models.Model):
    """What a person has chosen; there is none where they have chosen nothing."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("person"),
    )
    #: Empty: not chosen.
    language = models.CharField(_("language"), max_length=20, default="", blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="", blank=True)
    #: On which days of the week quiet hours begin, Monday is 1; none where the person has none.
    quiet_days = models.CharField(max_length=7, default="", blank=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    #: JSON: hours outside of which nothing interrupts the person, each with begin, end and days as texts.
    plan: Any = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = _("preferences")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return str(self.user)


class Choice(models.Model):
    """A person wants something in one way or not; without a choice its kind says it (``defaults``)."""

    # The constraint's index serves for the person too.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    #: What the choice is about (:mod:`notifications.preferences.subjects`).
    subject = models.CharField(max_length=SUBJECT_LIMIT)
    #: The name of the delivery method.
    method = models.CharField(max_length=20)
    #: None where the row says only until when it is off.
    is_on = models.BooleanField(null=True)
    #: It is off until then, whatever ``is_on`` says.
    off_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "subject", "method"], name="hub_notification_choice_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.subject} {self.method}"
