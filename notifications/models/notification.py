"""A notification, as it was sent."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications.kinds.declaring import NAME_LIMIT as KIND_LIMIT
from notifications.models.columns import source_column
from notifications.models.limits import AUDIENCE_LIMIT, BUNDLE_LIMIT, KEY_LIMIT, TITLE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from notifications.sending.named_audiences import Audience, Listed


class Level(models.TextChoices):
    """How much an alert wants to be seen."""

    DEBUG = "debug", _("Debug")
    INFO = "info", _("Info")
    SUCCESS = "success", _("Success")
    WARNING = "warning", _("Warning")
    ERROR = "error", _("Error")


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
        "Topic", models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False, verbose_name=_("topic")
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
    source = source_column()
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
