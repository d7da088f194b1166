"""Notifications on their way to many people, and on their way back."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from notifications.models.columns import KeysField, failure_column
from notifications.models.limits import USER_KEY_LIMIT
from notifications.models.notification import Notification


class Distribution(models.Model):
    """A notification is given to each person of its audience by a job; how far that is.

    The row is locked by each step of the job, and deleted with its notification. Whatever deletes it hands the
    entries over to a :class:`Withdrawal` (``notifications.receivers``).
    """

    notification = models.OneToOneField(
        Notification,
        models.CASCADE,
        primary_key=True,
        related_name="distribution",
        verbose_name=_("notification"),
    )
    #: The id of what the publications of all these people share (``hub.publishing.share``).
    shared = models.BigIntegerField(editable=False)
    #: The same for people whose language or time zone is known, by these, where it is of a kind whose texts differ.
    variants: Any = models.JSONField(default=dict, editable=False)
    total = models.PositiveBigIntegerField(
        _("people"), null=True, help_text=_("How many get it, as far as that is known.")
    )
    reached = models.PositiveBigIntegerField(_("reached"), default=0, help_text=_("How many have it."))
    #: The key of the person up to whom an audience is done, as text; empty at the beginning.
    last_key = models.CharField(max_length=USER_KEY_LIMIT, default="", editable=False)
    moved_at = models.DateTimeField(_("last step"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)
    failure = failure_column()

    class Meta:
        verbose_name = _("distribution")
        verbose_name_plural = _("distributions")
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["moved_at"],
                condition=models.Q(finished_at=None),
                name="hub_notification_unfinished",
            )
        ]

    def __str__(self) -> str:
        return f"{self.notification_id}: {self.reached}/{self.total}"


class ListedPeople(models.Model):
    """People to whom a distribution goes that was called with a list of them, as many as one step takes.

    The step deletes the row.
    """

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="parts")
    #: The keys of users, as numbers or text.
    keys: Any = KeysField()

    def __str__(self) -> str:
        return f"{self.distribution_id}: {self.pk}"


class Withdrawal(models.Model):
    """A notification that was distributed, and is deleted, is taken back from its people by a job.

    The row goes when nobody has an entry any more; until then lists leave these entries out.
    """

    #: The id that the notification had.
    notification_id = models.BigIntegerField(_("notification"), primary_key=True)
    #: The id of what is published to all these people (``hub.publishing.share``); None where they are told nothing.
    shared = models.BigIntegerField(null=True, editable=False)
    #: The key of the person up to whom that is done, as text; empty at the beginning.
    last_key = models.CharField(max_length=USER_KEY_LIMIT, default="", editable=False)
    moved_at = models.DateTimeField(_("last step"), db_default=Now())
    failure = failure_column()

    class Meta:
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.notification_id}: {self.last_key}"
