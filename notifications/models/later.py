"""Notifications that are sent later."""

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.fields import NameField
from notifications.models.columns import failure_column, source_column
from notifications.models.limits import KEY_LIMIT, SCOPE_LIMIT


class ScheduledAlert(models.Model):
    """A call of ``notify(at=…)`` whose time has not come.

    Sending it deletes the row (``notifications.sending.due``).
    """

    key = models.CharField(_("key"), max_length=KEY_LIMIT, null=True, editable=False)  # noqa: DJ001  # no key is not the empty key
    due_at = models.DateTimeField(_("due at"), editable=False)
    #: JSON: each recipient by what it is and its key (``notifications.sending.scheduling``).
    recipients: Any = models.JSONField(_("recipients"), editable=False)
    #: JSON: the other arguments of the call.
    contents: Any = models.JSONField(_("contents"), editable=False)
    #: Of what is held until the end of a window: which one (``notifications.sending.throttling``).
    scope = models.CharField(max_length=SCOPE_LIMIT, default="", editable=False)
    source = source_column()
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    failure = failure_column()

    #: Whether the call that returned it has stored it; set by ``notifications.sending.scheduling``, no column.
    is_new = False

    class Meta:
        verbose_name = _("scheduled notification")
        verbose_name_plural = _("scheduled notifications")
        ordering: ClassVar = ["due_at", "pk"]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(failure=""), name="hub_notification_due"),
            models.Index(fields=["key"], condition=models.Q(key__isnull=False), name="hub_notification_due_key"),
            models.Index(fields=["scope", "id"], condition=~models.Q(scope=""), name="hub_notification_held"),
        ]

    def __str__(self) -> str:
        return str(self.contents.get("title") or self.contents.get("message", ""))[:80]


class ThrottleWindow(models.Model):
    """Until when alerts with ``throttle`` of one kind to one person are held (``notifications.sending.throttling``).

    The row is locked by whoever sends such an alert.
    """

    #: A digest of the person, the kind and the ``group_by``.
    scope = NameField(max_length=SCOPE_LIMIT, unique=True)
    ends_at = models.DateTimeField(db_index=True)
    #: How many came besides those that are held: too many to keep each.
    only_counted = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.scope[:8]}: {self.ends_at}"
