"""Texts with placeholders: ``{number}`` and ``{old.number}``, and nothing else that a template language could do."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

#: Characters that one value takes in a text.
VALUE_LIMIT = 200

_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<old>old\.)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|[{}]|[^{}]+")

#: What a link has before its first placeholder, so that no value decides where it leads.
_SITE = re.compile(r"/(?![/\\])|https?://[^/\\\s{}]+/")


class BadText(ValueError):
    """A text with a brace or a placeholder that means nothing; the sentence is for people."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The value of a field, now or before the change."""

    name: str
    is_old: bool


#: A text in its parts.
Parts = tuple[str | Placeholder, ...]


def parse(text: str) -> Parts:
    """The parts of a text. Raises :class:`BadText`."""
    return tuple(_parts(text))


def _parts(text: str) -> Iterator[str | Placeholder]:
    for token in _TOKEN.finditer(text):
        if token["name"]:
            yield Placeholder(token["name"], bool(token["old"]))
        elif token[0] in {"{", "}"}:
            raise BadText(_("A single brace means nothing here: write {{ or }} for a brace."))
        else:
            yield {"{{": "{", "}}": "}"}.get(token[0], token[0])


def parse_url(text: str) -> Parts:
    """The parts of a link, whose site no placeholder decides. Raises :class:`BadText`."""
    parts = parse(text)
    if parts and not (isinstance(parts[0], str) and _SITE.match(parts[0])):
        raise BadText(_("A link begins with / or with https:// and a site, before its first placeholder."))
    return parts


def render(parts: Parts, value: Callable[[Placeholder], str]) -> str:
    """The text with the values in their places."""
    return "".join(part if isinstance(part, str) else value(part) for part in parts)


def shown(field: Any, value: Any) -> str:
    """The value of a field as people read it, in ``LANGUAGE_CODE`` and ``TIME_ZONE``: whoever saves the row, and reads
    the alert.
    """
    if value is None:
        return "–"
    with translation.override(settings.LANGUAGE_CODE), timezone.override(timezone.get_default_timezone()):
        return _written(field, value)


def _written(field: Any, value: Any) -> str:
    if field.choices:
        value = dict(field.flatchoices).get(value, value)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, date):
        return formats.date_format(value, "DATE_FORMAT")
    text = str(value)  # here, because the label of a choice may be translated
    return text if len(text) <= VALUE_LIMIT else f"{text[: VALUE_LIMIT - 1]}…"


def _time(value: datetime) -> str:
    if timezone.is_naive(value):
        return str(formats.date_format(value, "DATETIME_FORMAT"))
    try:
        local = timezone.localtime(value)
    except OverflowError:  # "for ever" is a time, too, and has no later one in the zones of the east
        local = value
    return f"{formats.date_format(local, 'DATETIME_FORMAT')} {local.tzname()}"


def in_url(value: Any) -> str:
    """The value as one piece of a link, whatever characters it has."""
    return quote(str("" if value is None else value)[:VALUE_LIMIT], safe="")
