"""Columns that several models have."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifications.models.limits import FAILURE_LIMIT
from notifications.sources import SOURCE_LIMIT


def failure_column() -> "models.CharField[str, str]":
    """Why the job of a row cannot go on; empty while it can."""
    return models.CharField(
        _("error"),
        max_length=FAILURE_LIMIT,
        default="",
        editable=False,
        help_text=_("Why its job cannot go on, until somebody starts it again."),
    )


def source_column() -> "models.CharField[str, str]":
    """What sent the row, as :mod:`notifications.sources` writes it."""
    return models.CharField(
        _("source"),
        max_length=SOURCE_LIMIT,
        db_default="",
        default="",
        blank=True,
        editable=False,
        help_text=_("What sent it: a rule, a task, an API key, a person."),
    )
