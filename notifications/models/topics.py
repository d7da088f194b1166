"""Topics, and who follows them."""

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.validation import is_visible, validate_name
from notifications.models.limits import NAME_LIMIT
from notifications.models.notification import Notification


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
