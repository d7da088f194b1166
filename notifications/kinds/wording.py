"""What a notification of a kind says to somebody: its texts in a language and a time zone, and its publications.

Texts are written when they are sent and when they are listed. What is stored is the values for their placeholders, and
the text in ``LANGUAGE_CODE`` and ``TIME_ZONE``: that is what people read whose language has no text, and what stays
when the kind is not declared any more, or has other placeholders by now.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.utils import timezone, translation
from msgspec import UNSET

from hub.config import hub_settings
from hub.logs import get_logger
from hub.users import Key
from hub.validation import MESSAGE_LIMIT
from notifications import channels, events
from notifications.kinds import params
from notifications.kinds.declaring import COUNT, Kind, kind_named
from notifications.kinds.locales import UNKNOWN, Locale, languages, locales_of
from notifications.kinds.texts import BadTemplate, Template
from notifications.models import TITLE_LIMIT, Notification

log = get_logger(__name__)


class Words(NamedTuple):
    """The texts of a notification, as somebody reads them."""

    title: str
    message: str
    url: str


def write(kind: Kind, values: Mapping[str, Any], locale: Locale, count: int = 1) -> dict[str, str]:
    """The texts that ``kind`` has, by name; in ``LANGUAGE_CODE`` and ``TIME_ZONE`` where the locale is not known.

    A time says its zone where that is not the reader's own. ``count``: how many notifications they are for.

    Raises:
        BadTemplate: a text has a placeholder that is not declared.
    """
    zone = locale.time_zone or settings.TIME_ZONE
    with translation.override(locale.language or settings.LANGUAGE_CODE), timezone.override(zone):
        shown = {name: params.shown(value, names_zone=not locale.time_zone) for name, value in values.items()}
        said = {name: template.write(values, shown) for name, template in kind.templates.items() if name != "url"}
        if count > 1:
            counted = {**shown, COUNT: params.shown(count, names_zone=False)}
            said |= {name: one.write({**values, COUNT: count}, counted) for name, one in kind.many.items()}
    if url := kind.templates.get("url"):
        said["url"] = url.write(values, {name: params.in_url(value) for name, value in values.items()})
    return said


def bundle_by(kind: Kind, values: Mapping[str, Any]) -> str:
    """By what a notification of ``kind`` with these values is bundled with others; empty where it is not.

    Raises:
        BadTemplate: ``group_by`` has a placeholder that is not declared.
    """
    return Template(kind.group_by).write(values, {name: params.in_url(value) for name, value in values.items()})


def words_for(row: Notification, locale: Locale) -> Words:
    """What the notification says to somebody with this locale."""
    stored = Words(row.title, row.message, row.url)
    kind = kind_named(row.kind) if row.kind else None
    if kind is None or not (kind.templates or kind.many):
        return stored
    try:
        said = write(kind, params.checked(kind, row.params), heeded(kind, locale), row.bundle_count)
    except params.BadParams:
        return stored  # the kind has other placeholders than when it was sent
    except BadTemplate as error:
        log.error("kind_text_failed", kind=kind.name, language=locale.language, error=str(error))  # noqa: TRY400  # a traceback says no more
        return stored
    # A translation may be longer than the text whose length was checked at the call.
    return stored._replace(
        **{name: _cut(said[name], limit) for name, limit in _LIMITS.items() if name in said},
    )


_LIMITS = {"title": TITLE_LIMIT, "message": MESSAGE_LIMIT}


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def heeded(kind: Kind, locale: Locale) -> Locale:
    """What of ``locale`` makes a difference to the texts of ``kind``: people of one such locale read the same."""
    translated = translations(kind)
    language = locale.language if locale.language in translated or not locale.language else settings.LANGUAGE_CODE
    return Locale(language if translated else "", locale.time_zone if datetime in kind.fields.values() else "")


@cache
def translations(kind: Kind) -> frozenset[str]:
    """The languages besides ``LANGUAGE_CODE`` in which ``kind`` has texts of their own."""
    with translation.override(settings.LANGUAGE_CODE):
        usual = _patterns(kind)
    found = set()
    for code in languages():
        with translation.override(code):
            if _patterns(kind) != usual:
                found.add(code)
    return frozenset(found)


def _patterns(kind: Kind) -> list[str]:
    return [
        template.pattern({template.number or "": number})
        for template in (*kind.templates.values(), *kind.many.values())
        for number in ((1, 2, 5) if template.has_forms else (0,))
    ]


def publication(row: Notification, locale: Locale = UNKNOWN, *, is_silent: bool = False) -> events.NotificationCreated:
    """What is published of a stored notification to people with this locale.

    Where their language is not known, it has the texts in the other languages of the kind, too: clients take that of
    their page. They are left out where all do not fit into a publication; where the text in their language does not,
    which is longer than the one that was checked at the call, it is that one.
    """
    checked = events.created(row)
    checked.silent = True if is_silent else UNSET
    kind = kind_named(row.kind) if row.kind else None
    if kind is None:
        return checked
    locale = heeded(kind, locale)
    words = words_for(row, locale)
    told = msgspec.structs.replace(checked, title=words.title, message=words.message)
    if not _fits(told):
        return checked
    if locale.language or not translations(kind):
        return told
    others = {code: words_for(row, locale._replace(language=code)) for code in sorted(translations(kind))}
    texts = {code: events.Texts(words.title, words.message) for code, words in others.items()}
    with_texts = msgspec.structs.replace(told, texts=texts)
    return with_texts if _fits(with_texts) else told


def _fits(told: events.NotificationCreated) -> bool:
    return len(msgspec.json.encode(told)) <= hub_settings().max_publication


def by_locale(row: Notification, people: Iterable[Key]) -> dict[Locale, list[Key]]:
    """The keys of these people by what they read of the notification: those of one locale read the same.

    One query, none where all read the same.
    """
    keys = list(people)
    kind = kind_named(row.kind) if row.kind else None
    if not keys or kind is None or not (translations(kind) or datetime in kind.fields.values()):
        return {UNKNOWN: keys} if keys else {}
    locales = locales_of(keys)
    found: dict[Locale, list[Key]] = {}
    for key in keys:
        found.setdefault(heeded(kind, locales.get(key, UNKNOWN)), []).append(key)
    return found


def publications(rows: Sequence[Notification]) -> Iterator[tuple[str, events.NotificationCreated]]:
    """The channel and the publication of each of these; the locales of their people are read in one query."""
    people = {row.user_id for row in rows if row.kind and row.user_id is not None}
    locales = locales_of(people) if people else {}
    for row in rows:
        yield channels.of_alert(row), publication(row, locales.get(row.user_id, UNKNOWN), is_silent=row.is_silent)


def localise(rows: Iterable[Notification], key: Key) -> None:
    """Have ``rows`` say what they say to the user with this key, who is None for a guest; for lists, never to save.

    Where the person's language or time zone is not known, it is the one that is active. One query, none where no row
    has a kind.
    """
    of_kinds = [row for row in rows if row.kind]
    if not of_kinds:
        return
    known = locales_of([key]).get(key, UNKNOWN) if key is not None else UNKNOWN
    active = timezone.get_current_timezone_name()
    locale = Locale(
        known.language or translation.get_language() or "",
        known.time_zone or ("" if active == settings.TIME_ZONE else active),
    )
    for row in of_kinds:
        row.title, row.message, row.url = words_for(row, locale)
