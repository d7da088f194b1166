from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.validation import is_visible, validate_name
from notifications.kinds.declaring import NAME_LIMIT as KIND_LIMIT
from notifications.offers.declaring import NAME_LIMIT as ACTION_LIMIT
from notifications.sources import SOURCE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from notifications.sending.named_audiences import Audience, Listed

#: Characters of an idempotency key.
KEY_LIMIT = 200

#: Characters of what a choice is about: a kind, a category, a channel, or a bundle, which has a kind and a text.
SUBJECT_LIMIT = 320

#: Characters of the text by which alerts are bundled.
BUNDLE_LIMIT = 200

#: Characters of what says which window an alert is held in.
SCOPE_LIMIT = 64

#: Characters of a title.
TITLE_LIMIT = 200

#: Characters of an audience's name, as ``Notification.audience`` has it.
AUDIENCE_LIMIT = 150

#: Characters of a user's key as text.
USER_KEY_LIMIT = 255

#: Characters of a topic's name: it is part of a channel's name, and a cursor names the channels of many topics.
NAME_LIMIT = 40


class Level(models.TextChoices):
    """How much an alert wants to be seen."""

    DEBUG = "debug", _("Debug")
    INFO = "info", _("Info")
    SUCCESS = "success", _("Success")
    WARNING = "warning", _("Warning")
    ERROR = "error", _("Error")


#: Characters of the error that ended a job.
FAILURE_LIMIT = 500


def _failure() -> "models.CharField[str, str]":
    return models.CharField(
        _("error"),
        max_length=FAILURE_LIMIT,
        default="",
        editable=False,
        help_text=_("Why its job cannot go on, until somebody starts it again."),
    )


def _source() -> "models.CharField[str, str]":
    return models.CharField(
        _("source"),
        max_length=SOURCE_LIMIT,
        db_default="",
        default="",
        blank=True,
        editable=False,
        help_text=_("What sent it: a rule, a task, an API key, a person."),
    )


def newest_alert() -> int:
    """The largest id of an alert that is committed, or of this transaction; 0 where there is none."""
    return Notification.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


class Topic(models.Model):
    """A list of alerts that people follow. Alerts to it travel on the channel ``topic:<name>``.

    The name stays as it was made: clients and programs know the topic by it.
    """

    name = models.CharField(
        _("name"),
        max_length=NAME_LIMIT,
        unique=True,
        validators=[
            RegexValidator(r"\A[a-z0-9][a-z0-9_-]*\Z", _("Small letters a to z, digits, hyphens and underscores."))
        ],
        help_text=_("For programs: alerts go to topic:NAME. It cannot be changed later."),
    )
    title = models.CharField(_("title"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)
    is_open = models.BooleanField(
        _("open"),
        default=True,
        help_text=_("Anybody who is logged in may follow it. Otherwise only those see it who were put on it here."),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    #: Whether the person whom it was listed for follows it; set by ``notifications.inbox.queries``, no column.
    followed = False

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering: ClassVar = ["title", "name"]
        constraints: ClassVar = [
            # Whoever followed a topic without a channel would get no connection. The second half is for SQLite, where
            # the end of a text is also before a newline that ends it.
            models.CheckConstraint(
                condition=models.Q(name__regex=rf"^[a-z0-9][a-z0-9_-]{{0,{NAME_LIMIT - 1}}}$")
                & ~models.Q(name__regex=r"[^a-z0-9_-]"),
                name="hub_notification_topic_has_a_channel",
            )
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if not is_visible(self.title):
            raise ValidationError(
                {"title": ValidationError(_("This has nothing that can be seen."), code="invisible")}
            )
        if self._state.adding:
            try:
                validate_name(
                    self.name,
                    official=True,
                    taken=Topic.objects.exclude(name=self.name).values_list("name", flat=True),
                )
            except ValidationError as error:
                raise ValidationError({"name": error}) from None


class Follow(models.Model):
    """A person follows a topic: they get its alerts, and those with a larger id than ``after`` are unread."""

    # The constraint's index serves for the topic too.
    topic = models.ForeignKey(
        Topic,
        models.CASCADE,
        related_name="follows",
        db_index=False,
        db_constraint=False,  # hub.database.deletions
        verbose_name=_("topic"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_constraint=False, verbose_name=_("person")
    )
    # An id and no time: the clocks of the hosts that send and of the one that serves the follower may differ.
    after = models.BigIntegerField(default=newest_alert, editable=False)
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("follower")
        verbose_name_plural = _("followers")
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["topic", "user"], name="hub_notification_follow_once")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.topic}"


class Notification(models.Model):
    """One alert as it was sent: to one person, to a group, to a topic, to an audience or, with none of these, to
    everyone.

    Each person of an audience has an :class:`InboxEntry` for it.
    """

    # The database is not to look whether recipients and sender are still there: an alert must never fail the commit
    # that deletes one of them (hub.database.deletions).
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("person"),
    )
    group = models.ForeignKey(
        Group, models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False, verbose_name=_("group")
    )
    #: Of one to a group: the number of the newest membership when it was sent (``notifications.sending.members``). It
    #: is read for who has a larger one, and so joined later.
    members_upto = models.BigIntegerField(null=True, editable=False)
    topic = models.ForeignKey(
        Topic, models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False, verbose_name=_("topic")
    )
    level = models.CharField(_("level"), max_length=10, choices=Level, default=Level.INFO)
    title = models.CharField(_("title"), max_length=TITLE_LIMIT, blank=True)
    message = models.TextField(_("message"))
    url = models.CharField(_("link"), max_length=2000, blank=True)
    data: Any = models.JSONField(_("data"), null=True, blank=True)
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("sender"),
        help_text=_("Who sent it from a browser or another client; empty where it came from backend work."),
    )
    key = models.CharField(  # noqa: DJ001  # no key is not the empty key: any number of rows may have none
        _("key"),
        max_length=KEY_LIMIT,
        null=True,
        blank=True,
        editable=False,
        help_text=_("Names what the alert is about, so that it is stored once however often it is sent."),
    )
    audience = models.CharField(
        _("audience"),
        max_length=AUDIENCE_LIMIT,
        default="",
        blank=True,
        editable=False,
        help_text=_("To which people it went, where it was distributed to many."),
    )
    kind = models.CharField(
        _("kind"),
        max_length=KIND_LIMIT,
        default="",
        blank=True,
        editable=False,
        help_text=_("Of which kind it is. The texts above are those in the language of the project."),
    )
    source = _source()
    params: Any = models.JSONField(_("values"), null=True, blank=True, editable=False)
    #: JSON: its buttons (``notifications.offers.declaring.written``).
    actions: Any = models.JSONField(_("actions"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("sent at"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(
        _("expires at"), null=True, editable=False, help_text=_("From then on nobody is shown it.")
    )

    #: By what it is bundled with others of its kind and person (``group_by``); empty where it stands alone.
    bundle_by = models.CharField(max_length=BUNDLE_LIMIT, default="", db_default="", editable=False)
    #: The id of the first one of its bundle; None where it has no others.
    bundle = models.BigIntegerField(null=True, editable=False)
    #: How many alerts it stands for, itself among them.
    bundle_count = models.PositiveIntegerField(default=1, db_default=1, editable=False)
    #: Whether it is unread for those who join, follow or get an account later, too (``past`` of its kind); of one to a
    #: group, a topic or everyone.
    past = models.BooleanField(default=False, db_default=False, editable=False)
    #: Whether it stands under a newer one of its bundle: in no list and no count.
    folded = models.BooleanField(default=False, db_default=False, editable=False)

    #: What the person whom it was listed for has done with it; set by ``notifications.inbox.reading``, no columns.
    read = False
    seen = False
    archived_at: "datetime | None" = None
    snoozed_until: "datetime | None" = None

    #: How many of those for which it stands have the words that were searched for; set by
    #: ``notifications.inbox.queries``, no column.
    found_under = 0

    #: Whether it comes to its person without a sound, who has chosen so; set by
    #: ``notifications.preferences.choosing``, no column.
    is_silent = False

    #: What the person whom it was listed for has chosen of its actions (``notifications.offers.chosen``), no column.
    chosen = ""

    #: What it has taken the place of (``notifications.sending.replacing``), of several recipients at the first; no
    #: column.
    replaced: "Sequence[Notification]" = ()

    #: The people to whom it is to be distributed; set by ``notifications.sending.actions``, no column.
    people: "Audience | Listed | None" = None

    #: Whether the call that returned it has stored it, and the id of the publication of this call where it is one
    #: person's, group's or topic's, or everyone's; set by ``notifications.sending.actions``, no columns.
    is_new = False
    published: int | None = None

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(user=None, group=None, audience="")
                | models.Q(user=None, topic=None, audience="")
                | models.Q(group=None, topic=None, audience="")
                | models.Q(user=None, group=None, topic=None),
                name="hub_notification_has_one_audience",
            ),
            # A recipient has a key once, and where a column has nothing, each row differs from the others in it. The
            # first one has all rows with a key, and so finds them.
            models.UniqueConstraint(
                fields=["key", "user"], condition=models.Q(key__isnull=False), name="hub_notification_key_once"
            ),
            models.UniqueConstraint(
                fields=["key", "group"],
                condition=models.Q(key__isnull=False, group__isnull=False),
                name="hub_notification_group_key_once",
            ),
            models.UniqueConstraint(
                fields=["key", "topic"],
                condition=models.Q(key__isnull=False, topic__isnull=False),
                name="hub_notification_topic_key_once",
            ),
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(key__isnull=False, user=None, group=None, topic=None, audience=""),
                name="hub_notification_everyone_key_once",
            ),
            models.UniqueConstraint(
                fields=["key", "audience"],
                condition=models.Q(key__isnull=False) & ~models.Q(audience=""),
                name="hub_notification_audience_key_once",
            ),
        ]
        indexes: ClassVar = [
            # Those that are folded are in no list: a walk does not pass over them.
            models.Index(fields=["user", "-id"], condition=models.Q(folded=False), name="hub_notification_of_user"),
            # Those of a group or a topic have nothing else, those to everyone none of these: in each case the newest
            # are neighbours.
            models.Index(
                fields=["group", "topic", "user", "audience", "-id"],
                condition=models.Q(folded=False),
                name="hub_notification_of_audience",
            ),
            models.Index(
                fields=["user", "bundle_by", "kind", "-id"],
                condition=models.Q(folded=False) & ~models.Q(bundle_by=""),
                name="hub_notification_bundle_head",
            ),
            models.Index(
                fields=["bundle", "-id"],
                condition=models.Q(bundle__isnull=False),
                name="hub_notification_in_bundle",
            ),
            models.Index(fields=["created_at", "id"], name="hub_notification_sent"),
            models.Index(
                fields=["group", "topic", "user", "audience", "-id"],
                condition=models.Q(past=True, folded=False),
                name="hub_notification_past",
            ),
            # The newest one of a group from before somebody joined.
            models.Index(
                fields=["group", "members_upto", "id"],
                condition=models.Q(members_upto__isnull=False),
                name="hub_notification_joined",
            ),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(expires_at__isnull=False),
                name="hub_notification_expiring",
            ),
            # Kinds that are kept for a time of their own are looked through by their age.
            models.Index(fields=["kind", "id"], condition=~models.Q(kind=""), name="hub_notification_of_kind"),
        ]

    def __str__(self) -> str:
        return self.title or self.message[:80]


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


class ScheduledAlert(models.Model):
    """A call of ``notify(at=…)`` whose time has not come.

    Sending it deletes the row (``notifications.sending.due``).
    """

    key = models.CharField(_("key"), max_length=KEY_LIMIT, null=True, editable=False)  # noqa: DJ001  # as above
    due_at = models.DateTimeField(_("due at"), editable=False)
    #: JSON: each recipient by what it is and its key (``notifications.sending.scheduling``).
    recipients: Any = models.JSONField(_("recipients"), editable=False)
    #: JSON: the other arguments of the call.
    contents: Any = models.JSONField(_("contents"), editable=False)
    #: Of what is held until the end of a window: which one (``notifications.sending.throttling``).
    scope = models.CharField(max_length=SCOPE_LIMIT, default="", editable=False)
    source = _source()
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    failure = _failure()

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
    scope = models.CharField(max_length=SCOPE_LIMIT, unique=True)
    ends_at = models.DateTimeField(db_index=True)
    #: How many came besides those that are held: too many to keep each.
    only_counted = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.scope[:8]}: {self.ends_at}"


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


class ActionChoice(models.Model):
    """A person has chosen one of the actions of an alert, once and for all."""

    # The constraint's index serves for the person too.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    notification = models.ForeignKey(Notification, models.CASCADE, related_name="+", db_constraint=False)
    action = models.CharField(max_length=ACTION_LIMIT)
    chosen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "notification"], name="hub_notification_action_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.notification_id}: {self.action}"


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
    #: The smallest and the largest id of its entries, so that they need no index to be found by their notification.
    first_entry = models.BigIntegerField(null=True, editable=False)
    last_entry = models.BigIntegerField(null=True, editable=False)
    moved_at = models.DateTimeField(_("last step"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)
    failure = _failure()

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
    #: JSON: the keys of users, as numbers or text.
    keys: Any = models.JSONField()

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
    #: Its entries have ids above the first and up to the second one.
    after = models.BigIntegerField(editable=False)
    last_entry = models.BigIntegerField(editable=False)
    moved_at = models.DateTimeField(_("last step"), db_default=Now())
    failure = _failure()

    class Meta:
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.notification_id}: {self.after}/{self.last_entry}"


class InboxEntry(models.Model):
    """A person has a notification that was distributed; what they did with it stands here.

    Never in :class:`ReadUpTo`: an entry may be made minutes after its notification, and is unread then, whatever the
    person has read meanwhile.
    """

    # The constraint's index serves for the person too.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    # Entries are found by the range that their distribution has noted.
    notification = models.ForeignKey(
        Notification, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "notification"], name="hub_notification_entry_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["user", "notification"],
                condition=models.Q(read_at=None),
                name="hub_notification_entry_unread",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.notification_id}"


# Django finds the models of an app in this module.
from notifications.saved_rules import models as _of_saved_rules  # noqa: E402, F401  # it imports this one
