"""Columns that several models have, or that are stored in a way of their own."""

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import models
from django.utils.translation import gettext_lazy as _

from notifications.models.limits import FAILURE_LIMIT
from notifications.sources import SOURCE_LIMIT

if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field


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


class KeysField(_Field):
    """Keys of users as JSON has them: numbers, or texts.

    Numbers are stored as the differences between them, in JSON text: of a thousand keys that follow each other that is
    two characters each, where ``jsonb`` takes PostgreSQL longer than all the rest of a call with a long list.
    """

    def get_internal_type(self) -> str:
        return "TextField"

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else msgspec.json.encode(_differences(value)).decode()

    def get_placeholder(self, *_: Any) -> str:
        # Rows of a field that has none come to PostgreSQL as arrays, of which the driver escapes each quote in Python.
        return "%s"

    def from_db_value(self, value: Any, *_: Any) -> Any:
        return None if value is None else _sums(msgspec.json.decode(value))


def _differences(keys: Sequence[Any]) -> Sequence[Any]:
    """Numbers as the first one and the difference of each to the one before it; texts as they are."""
    if not keys or not isinstance(keys[0], int):
        return keys
    return [keys[0], *map(int.__sub__, keys[1:], keys)]


def _sums(stored: list[Any]) -> list[Any]:
    return list(accumulate(stored)) if stored and isinstance(stored[0], int) else stored
