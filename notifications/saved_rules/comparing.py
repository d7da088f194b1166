"""Compares the value of a field with what somebody wrote into a condition. No pattern, and no code."""

import operator
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.saved_rules.models import Operator

#: Given the value of the field, whether the condition holds.
Test = Callable[[Any], bool]

_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    Operator.LESS: operator.lt,
    Operator.MORE: operator.gt,
    Operator.AT_MOST: operator.le,
    Operator.AT_LEAST: operator.ge,
}


class BadCondition(ValueError):
    """A condition that no value can be compared by; the sentence is for people."""


def test_of(field: Any, how: str, text: str) -> Test:
    """What a condition asks of the value of ``field``. Raises :class:`BadCondition`."""
    match how:
        case Operator.EMPTY:
            return lambda value: value is None or value == ""
        case Operator.NOT_EMPTY:
            return lambda value: value is not None and value != ""
        case Operator.CONTAINS:
            part = text.casefold()
            return lambda value: value is not None and part in str(value).casefold()
        case Operator.BEGINS:
            begin = text.casefold()
            return lambda value: value is not None and str(value).casefold().startswith(begin)
        case Operator.IS:
            wanted = _converted(field, text)
            return lambda value: bool(value == wanted)
        case Operator.IS_NOT:
            unwanted = _converted(field, text)
            return lambda value: bool(value != unwanted)
        case Operator.ONE_OF:
            several = [_converted(field, one.strip()) for one in text.split(",")]
            return lambda value: value in several
    if how not in _ORDERS:
        raise BadCondition(_("There is no such operator."))
    compare, bound = _ORDERS[how], _converted(field, text)
    return lambda value: value is not None and bool(compare(value, bound))


def _converted(field: Any, text: str) -> Any:
    """The text as a value of the field; a time is one in ``TIME_ZONE``, whoever saves the row."""
    column = field.target_field if isinstance(field, models.ForeignKey) else field
    try:
        with timezone.override(timezone.get_default_timezone()):
            value = column.to_python(text)
            if isinstance(column, models.DateTimeField) and value is not None and timezone.is_naive(value):
                value = timezone.make_aware(value)
    except (ValidationError, ValueError, TypeError, ArithmeticError):
        raise BadCondition(
            _("“%(value)s” is no value of the field “%(field)s”.") % {"value": text, "field": field.name}
        ) from None
    return value
