"""Kinds that a setting declares without code, ``HUB_KINDS``: for a product beside the hub.

    {"order.shipped": {"label": {"en": "Order shipped", "ru": "Заказ отправлен"},
                       "message": {"en": "Order {number} arrives on {day}", "ru": "Заказ {number} прибудет {day}"},
                       "fields": {"number": "int", "day": "date"}}}

``manage.py check`` says of these what it says of all kinds.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import lazystr
from django.utils.translation import get_language
from msgspec import Meta

from hub.config import Age, seconds_of
from hub.validation import is_storable
from notifications.kinds.declaring import NAME_LIMIT, Category, Kind, is_name
from notifications.kinds.texts import Text

SETTING = "HUB_KINDS"

#: The types of placeholders, as a setting names them.
TYPES: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "decimal": Decimal,
    "date": date,
    "datetime": datetime,
    "list": list[str],
}

#: A text for all, or one for each language, by its code.
Written = (
    str | Annotated[Mapping[Annotated[str, Meta(pattern=r"\A[a-z]{2,3}(-[a-z0-9]{2,8})*\Z")], str], Meta(min_length=1)]
)


class CategoryOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What :class:`~notifications.kinds.declaring.Category` takes."""

    name: str
    label: Written


class KindOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What :class:`~notifications.kinds.declaring.Kind` takes, as JSON has it: times in seconds or as ``"7d"``."""

    label: Written
    category: CategoryOptions | None = None
    icon: str = ""
    level: str = "info"
    title: Written = ""
    message: Written = ""
    url: Written = ""
    fields: Mapping[str, Literal["str", "int", "float", "decimal", "date", "datetime", "list"]] = {}
    examples: Mapping[str, Any] = {}
    defaults: Mapping[str, bool] = {}
    past: bool = False
    can_opt_out: bool = True
    critical: bool = False
    expires: Age | None = None
    keep: Age | None = None
    group_by: str = ""
    throttle: Age | None = None
    many_title: Written = ""
    many_message: Written = ""


def declare(written: Mapping[str, Any]) -> None:
    """Declare the kinds of the setting; called once, when the apps have declared theirs.

    Raises:
        ImproperlyConfigured: they are not what a kind takes; the text names the first that is not, and what of it.
    """
    categories: dict[str, tuple[CategoryOptions, Category]] = {}
    for name, options in written.items():
        try:
            read = msgspec.convert(options, KindOptions)
        except msgspec.ValidationError as error:
            raise ImproperlyConfigured(f"{SETTING} has a kind {name!r} that cannot be read: {error}.") from None
        _check_name(name)
        kind = Kind(
            name,
            label=_text(read.label),
            category=_category(read.category, categories),
            icon=read.icon,
            level=read.level,
            title=_text(read.title),
            message=_text(read.message),
            url=_text(read.url),
            fields={field: TYPES[type_] for field, type_ in read.fields.items()},
            examples=read.examples,
            defaults=read.defaults,
            past=read.past,
            can_opt_out=read.can_opt_out,
            critical=read.critical,
            expires=_time(read.expires),
            keep=_time(read.keep),
            group_by=read.group_by,
            throttle=_time(read.throttle),
            many_title=_text(read.many_title),
            many_message=_text(read.many_message),
        )
        object.__setattr__(kind, "home", SETTING)


def _check_name(name: str) -> None:
    """Names are stored with what is sent and chosen: who only starts the hub runs no ``check`` that says it."""
    if not is_name(name):
        raise ImproperlyConfigured(
            f"{SETTING} has the name {name[:NAME_LIMIT]!r}: names are of small letters, digits, '-' and '_', in parts"
            f" that dots divide, with at most {NAME_LIMIT} characters."
        )


def _category(written: CategoryOptions | None, known: dict[str, tuple[CategoryOptions, Category]]) -> Category | None:
    """The category; one and the same for all kinds that write it alike."""
    if written is None:
        return None
    _check_name(written.name)
    said, category = known.setdefault(written.name, (written, Category(written.name, _text(written.label))))
    if said != written:
        raise ImproperlyConfigured(f"{SETTING} gives the category {written.name!r} two labels.")
    return category


def _time(written: float | str | None) -> timedelta | None:
    return None if written is None else timedelta(seconds=seconds_of(written))


def _text(written: Written) -> Text:
    for text in (written,) if isinstance(written, str) else written.values():
        if not is_storable(text):
            raise ImproperlyConfigured(f"{SETTING} has a text that no database takes: {text[:NAME_LIMIT]!r}.")
    return written if isinstance(written, str) else lazystr(_ByLanguage(written))


class _ByLanguage:
    """A text in the language that is active where it is read; where it has none in that, in the project's own."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __str__(self) -> str:
        for language in _likely(get_language() or "", settings.LANGUAGE_CODE):
            if language in self._texts:
                return self._texts[language]
        return next(iter(self._texts.values()))


def _likely(*languages: str) -> Iterable[str]:
    """Each language, and what it is a variant of."""
    for language in languages:
        yield language.lower()
        yield language.lower().partition("-")[0]
