"""Rules that people have made in the admin, as rows."""

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications.kinds.declaring import NAME_LIMIT as KIND_LIMIT
from notifications.models.limits import BUNDLE_LIMIT, TITLE_LIMIT
from notifications.models.notification import Level

#: Characters of an error that is kept.
ERROR_LIMIT = 500

#: Characters of the key of a row.
ROW_LIMIT = 200


class Operator(models.TextChoices):
    """How a condition compares the value of a field."""

    IS = "is", _("is")
    IS_NOT = "is_not", _("is not")
    ONE_OF = "one_of", _("is one of (with commas)")
    CONTAINS = "contains", _("contains")
    BEGINS = "begins", _("begins with")
    LESS = "less", _("is less than")
    MORE = "more", _("is more than")
    AT_MOST = "at_most", _("is at most")
    AT_LEAST = "at_least", _("is at least")
    EMPTY = "empty", _("is empty")
    NOT_EMPTY = "not_empty", _("is not empty")


class RuleState(models.TextChoices):
    """Whether a rule runs."""

    OFF = "off", _("off")
    #: It is asked at each save, and what it would have sent is kept (:mod:`notifications.saved_rules.trials`).
    TRIAL = "trial", _("on trial")
    ON = "on", _("on")


class SavedRule(models.Model):
    """When a row of a model is made, changed or deleted, these people get this alert."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=RuleState,
        default=RuleState.OFF,
        help_text=_(
            "On trial it sends nothing, and what it would have sent at each save is kept. Try a rule before it is on."
        ),
    )
    model = models.CharField(_("model"), max_length=200)
    on_created = models.BooleanField(_("when a row is made"), default=False)
    on_changed = models.BooleanField(_("when a row is changed"), default=False)
    on_deleted = models.BooleanField(_("when a row is deleted"), default=False)
    fields = models.CharField(
        _("changed fields"),
        max_length=500,
        blank=True,
        help_text=_("With commas: a change counts only if one of these fields has another value. Empty: any."),
    )
    recipients = models.TextField(
        _("recipients"),
        max_length=2000,
        help_text=_(
            "One on each line: a path from the row to a person, or members, group:NAME, topic:NAME, audience:NAME, "
            "permission:APP.CODENAME, user:NAME."
        ),
    )
    kind = models.CharField(
        _("kind"),
        max_length=KIND_LIMIT,
        blank=True,
        default="",
        help_text=_("Of which kind the alert is: people choose what they get of it, and it has texts of its own."),
    )
    values = models.TextField(
        _("values of the kind"),
        max_length=2000,
        blank=True,
        default="",
        help_text=_(
            "One on each line, such as who = {number}: what stands in the placeholder of the kind. "
            "Those that are called as a field need no line."
        ),
    )
    level = models.CharField(
        _("level"),
        max_length=10,
        choices=Level,
        default="",
        blank=True,
        help_text=_("Empty: that of the kind, and Info without one."),
    )
    title = models.CharField(_("title"), max_length=200, blank=True)
    message = models.TextField(
        _("message"),
        max_length=2000,
        blank=True,
        help_text=_(
            "{number} is the value of a field, {old.number} the one before the change, {{ is a brace. "
            "Empty where the kind has one of its own."
        ),
    )
    url = models.CharField(_("link"), max_length=500, blank=True, help_text=_("Such as /orders/{id}/."))
    group_by = models.CharField(
        _("group by"),
        max_length=BUNDLE_LIMIT,
        blank=True,
        default="",
        help_text=_(
            "Such as order:{number}: what a person has not read of the same text is one row. Empty: as the kind says. "
            "For recipients who are people."
        ),
    )
    throttle = models.PositiveIntegerField(
        _("one in so many minutes"),
        null=True,
        blank=True,
        help_text=_(
            "The first one comes at once, the others within this time as one row at its end. "
            "Empty: as the kind says; 0: each at once. For recipients who are people."
        ),
    )
    times_fired = models.BigIntegerField(_("times fired"), default=0, editable=False)
    fired_at = models.DateTimeField(_("last fired at"), null=True, editable=False)
    last_error = models.CharField(_("last error"), max_length=ERROR_LIMIT, blank=True, editable=False)
    failed_at = models.DateTimeField(_("failed at"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    conditions: Any

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class SavedRuleCondition(models.Model):
    """A field of the row has to have such a value. All conditions of an alternative hold together; one suffices."""

    rule = models.ForeignKey(SavedRule, models.CASCADE, related_name="conditions")
    alternative = models.PositiveSmallIntegerField(
        _("alternative"),
        default=1,
        help_text=_("Conditions with the same number hold together (and); one of the numbers is enough (or)."),
    )
    field = models.CharField(_("field"), max_length=100)
    of_old = models.BooleanField(_("before the change"), default=False)
    operator = models.CharField(_("operator"), max_length=10, choices=Operator, default=Operator.IS)
    value = models.CharField(_("value"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("condition")
        verbose_name_plural = _("conditions")
        ordering: ClassVar = ["alternative", "pk"]

    def __str__(self) -> str:
        return f"{self.field} {self.get_operator_display()} {self.value}"


class RowEvent(models.TextChoices):
    """What happened to a row."""

    CREATED = "created", _("row made")
    CHANGED = "changed", _("row changed")
    DELETED = "deleted", _("row deleted")


class Outcome(models.TextChoices):
    """What became of a save for a rule on trial."""

    ALERT = "alert", _("would have been sent")
    UNCHANGED = "unchanged", _("no field that counts has changed")
    CONDITIONS = "conditions", _("the conditions do not hold")
    NOBODY = "nobody", _("there is no recipient")
    ERROR = "error", _("an error")


class SavedRuleTrial(models.Model):
    """What a rule on trial would have sent about a save, or why nothing."""

    rule = models.ForeignKey(SavedRule, models.CASCADE, related_name="trials")
    created_at = models.DateTimeField(default=timezone.now)
    event = models.CharField(max_length=10, choices=RowEvent)
    #: The key of the row that was saved, as text.
    row = models.CharField(max_length=ROW_LIMIT)
    outcome = models.CharField(max_length=10, choices=Outcome)
    title = models.CharField(max_length=TITLE_LIMIT, default="")
    message = models.TextField(default="")
    url = models.TextField(default="")
    #: People who would have got it, counted up to a limit; None where they could not be counted.
    people = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=ERROR_LIMIT, default="")

    def __str__(self) -> str:
        return f"{self.event} {self.row}: {self.get_outcome_display()}"
