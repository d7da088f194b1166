"""What people have done with the notifications that are for them."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from notifications.models.notification import Notification
from notifications.offers.declaring import NAME_LIMIT as ACTION_LIMIT
from notifications.sources import SOURCE_LIMIT


class ReadUpTo(models.Model):
    """Up to which alert a person has read all; what they have read beyond it are :class:`ReadMark`."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    upto = models.BigIntegerField(default=0)
    #: The newest membership of a group and the newest follow that the person had when ``upto`` moved: it says nothing
    #: of the past that came to them by a later one (``past`` of kinds).
    members_upto = models.BigIntegerField(default=0)
    follows_upto = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.upto}"


class ReadMark(models.Model):
    """A person has read an alert that is newer than their :class:`ReadUpTo`."""

    # The constraint's index serves for the person too.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    # A mark that outlives its alert goes when the person has read on, or when alerts are pruned.
    notification = models.ForeignKey(Notification, models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "notification"], name="hub_notification_readmark_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.notification_id}"


class NotificationState(models.Model):
    """What else a person has done with a notification that is for them; no row where that is nothing.

    It says more than the read marks: what is archived or snoozed has been marked as read, and ``unread`` says that the
    person has it as unread all the same, once it is back.
    """

    # The constraint's index serves for the person too.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    # A row that outlives its notification is in no list, and goes when alerts are pruned.
    notification = models.ForeignKey(Notification, models.CASCADE, related_name="+", db_constraint=False)
    #: In the archive since then; never together with ``snoozed_until``.
    archived_at = models.DateTimeField(null=True)
    #: Out of the inbox until then.
    snoozed_until = models.DateTimeField(null=True)
    #: When it was first in view. What was read counts as seen without it.
    seen_at = models.DateTimeField(null=True)
    unread = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "notification"], name="hub_notification_state_once"),
            models.CheckConstraint(
                condition=models.Q(archived_at=None) | models.Q(snoozed_until=None),
                name="hub_notification_state_one_place",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["user", "notification"],
                condition=models.Q(unread=True, archived_at=None, snoozed_until=None),
                name="hub_notification_state_unread",
            ),
            models.Index(
                fields=["user", "notification"],
                condition=models.Q(archived_at__isnull=False),
                name="hub_notification_state_archive",
            ),
            models.Index(
                fields=["user", "notification"],
                condition=models.Q(snoozed_until__isnull=False),
                name="hub_notification_state_snoozed",
            ),
            models.Index(
                fields=["snoozed_until"],
                condition=models.Q(snoozed_until__isnull=False),
                name="hub_notification_state_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.notification_id}"


def entry_place() -> models.Case:
    """Where an entry stands among those of its person: the id of its notification while it is unread, else minus that.

    So one index has the unread and the read ones, each in order (``notifications.inbox.reading`` writes it as SQL).
    """
    read = models.Func(models.F("notification"), template="(-%(expressions)s)", output_field=models.BigIntegerField())
    return models.Case(
        models.When(read_at=None, then=models.F("notification")),
        default=read,
        output_field=models.BigIntegerField(),
    )


class InboxEntry(models.Model):
    """A person has a notification that was distributed; what they did with it stands here.

    Never in :class:`ReadUpTo`: an entry may be made minutes after its notification, and is unread then, whatever the
    person has read meanwhile.
    """

    # No number of its own: it and its index would be a third of the place that an entry takes.
    pk = models.CompositePrimaryKey("notification_id", "user_id")
    # The two indexes begin with these.
    notification = models.ForeignKey(
        Notification, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index("user", entry_place(), name="hub_notification_entry_place")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.notification_id}"


class ActionChoice(models.Model):
    """A person has chosen one of the actions of an alert, once and for all."""

    # The constraint's index serves for the person too.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    notification = models.ForeignKey(Notification, models.CASCADE, related_name="+", db_constraint=False)
    action = models.CharField(max_length=ACTION_LIMIT)
    chosen_at = models.DateTimeField(default=timezone.now)
    #: By what (``notifications.sources``); empty where it is not known.
    source = models.CharField(max_length=SOURCE_LIMIT, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "notification"], name="hub_notification_action_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.notification_id}: {self.action}"


class InboxChange(models.Model):
    """A person did something with alerts of theirs, and with which device: for those who are asked about it."""

    # The index serves for the person too.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    #: ``read``, or a change as publications name it (``notifications.events.Change``).
    change = models.CharField(max_length=12)
    #: JSON: the alerts that were changed, or none where all up to one were read.
    ids: Any = models.JSONField(default=list)
    upto = models.BigIntegerField(default=0)
    #: By what (``notifications.sources``); empty where it is not known.
    source = models.CharField(max_length=SOURCE_LIMIT, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user", "-id"], name="hub_notification_change")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.change}"
