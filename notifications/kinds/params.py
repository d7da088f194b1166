"""The values for the placeholders of a kind: checked at the call, kept as JSON, shown as a language writes them."""

import reprlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from django.utils import formats, timezone
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from msgspec import Meta

from notifications.kinds.declaring import Kind

#: The types of placeholders: how msgspec reads a value, what one is in words, and an example.
TYPES: dict[Any, tuple[Any, str, Any]] = {
    str: (str, "a text", "Ada Lovelace"),
    int: (int, "a whole number", 3),
    float: (float, "a number", 2.5),
    Decimal: (Decimal, "a decimal number", Decimal("12.50")),
    date: (date, "a date", date(2026, 11, 29)),
    datetime: (
        Annotated[datetime, Meta(tz=True)],
        "a time with its zone, such as timezone.now()",
        datetime(2026, 11, 29, 14, 30, tzinfo=UTC),
    ),
    list[str]: (list[str], "a list of texts", ["Ada", "Grace", "Linus"]),
}


#: Digits of a number.
DIGITS = 100
LARGEST: int = 10**DIGITS


class BadParams(ValueError):
    """Values that the placeholders of a kind do not take: what is wrong with them is in the text."""


def checked(kind: Kind, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The values for the placeholders of ``kind``, as they are declared.

    Takes what JSON has for a date, a time or a decimal number, too, as it comes over HTTP and out of the database.

    Raises:
        BadParams: one is missing, unknown or of another type.
    """
    given = {} if params is None else params
    if not isinstance(given, Mapping):
        raise BadParams(f"params are values by the names of placeholders, not {type(given).__name__}.")
    if unknown := given.keys() - kind.fields.keys():
        known = ", ".join(kind.fields) or "none"
        raise BadParams(f"The kind {kind.name!r} has no placeholder {min(unknown, key=str)!r}; it has: {known}.")
    values = {}
    for name, type_ in kind.fields.items():
        read_as, words, _example = TYPES[type_]
        if name not in given:
            raise BadParams(f"The kind {kind.name!r} needs params[{name!r}], {words}.")
        try:
            values[name] = msgspec.convert(given[name], read_as)
        except (msgspec.ValidationError, ValueError):  # the latter of a number with thousands of digits
            values[name] = None
        if values[name] is None or not _can_be_shown(values[name]):
            raise BadParams(f"params[{name!r}] of the kind {kind.name!r} is {words}, not {_named(given[name])}.")
    return values


def _named(value: Any) -> str:
    """The value in an error, shortened."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no number with thousands of digits
        return "such a long number"


def _can_be_shown(value: Any) -> bool:
    """Whether every reader's language and time zone has a way to write it, in a text that can be sent."""
    match value:
        case float() | Decimal():
            return Decimal(value).is_finite() and abs(Decimal(value).adjusted()) < DIGITS
        case int():
            return -LARGEST < value < LARGEST
        case datetime():  # elsewhere it may be a day more or less
            try:
                return bool(date.min < value.astimezone(UTC).date() < date.max)
            except OverflowError:
                return False
    return True


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` as they are kept."""
    return {name: msgspec.to_builtins(value) for name, value in values.items()}


def examples_of(kind: Kind) -> dict[str, Any]:
    """A value for each placeholder: that of the kind, else one of its type. Raises as :func:`checked`."""
    return checked(kind, {name: TYPES[type_][2] for name, type_ in kind.fields.items()} | dict(kind.examples))


def shown(value: Any, *, names_zone: bool) -> str:
    """``value`` as the active language writes it, a time in the active zone; ``names_zone`` says which one that is."""
    if isinstance(value, list):
        return joined(value)
    if isinstance(value, datetime):
        local = timezone.localtime(value)
        written = formats.localize(local, use_l10n=True)
        return f"{written} {local.tzname()}" if names_zone else str(written)
    return str(formats.localize(value, use_l10n=True))


def joined(texts: list[str]) -> str:
    """The texts as a list in a sentence: "Ada, Grace and Linus"."""
    return str(get_text_list(texts, _("and")))


def in_url(value: Any) -> str:
    """``value`` as a part of an address."""
    if isinstance(value, list):
        return ",".join(map(in_url, value))
    return quote(value.isoformat() if isinstance(value, date) else str(value), safe="")
