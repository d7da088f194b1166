"""Kinds that a setting declares without code, ``HUB_KINDS``: for a product beside the hub.

    {"order.shipped": {"label": {"en": "Order shipped", "ru": "Заказ отправлен"},
                       "message": {"en": "Order {number} arrives on {day}", "ru": "Заказ {number} прибудет {day}"},
                       "fields": {"number": "int", "day": "date"}}}

``manage.py check`` says of these what it says of all kinds.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
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
from notifications.kinds import plurals
from notifications.kinds.declaring import COUNT, NAME_LIMIT, Category, Kind, is_name
from notifications.kinds.texts import Forms, Text

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

Code = Annotated[str, Meta(pattern=r"\A[a-z]{2,3}(-[a-z0-9]{2,8})*\Z")]

#: A text for all, or one for each language, by its code.
Written = str | Annotated[Mapping[Code, str], Meta(min_length=1)]

#: The forms of a text for one and for many in one language, by the names of CLDR.
Form = Literal["zero", "one", "two", "few", "many", "other"]
FormsOfLanguage = Annotated[Mapping[Form, str], Meta(min_length=1)]

#: A text that may have such forms.
Counted = str | Annotated[Mapping[Code, str | FormsOfLanguage], Meta(min_length=1)]


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
    title: Counted = ""
    message: Counted = ""
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
    many_title: Counted = ""
    many_message: Counted = ""
    #: The placeholder that chooses the form of title and message, where several are whole numbers.
    plural: str = ""


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
        number = read.plural or _only_number(read.fields)
        kind = Kind(
            name,
            label=_text(read.label),
            category=_category(read.category, categories),
            icon=read.icon,
            level=read.level,
            title=_counted(read.title, number),
            message=_counted(read.message, number),
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
            many_title=_counted(read.many_title, COUNT),
            many_message=_counted(read.many_message, COUNT),
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


def _only_number(fields: Mapping[str, str]) -> str:
    """The name of the one placeholder that is a whole number; empty where none is, or several are."""
    found = [name for name, type_ in fields.items() if type_ == "int"]
    return found[0] if len(found) == 1 else ""


def _counted(written: Counted, number: str) -> Text | Forms:
    if isinstance(written, str):
        return _text(written)
    plain = {code: text for code, text in written.items() if isinstance(text, str)}
    if len(plain) == len(written):
        return _text(plain)
    forms = {
        code: text if isinstance(text, str) else {str(name): form for name, form in text.items()}
        for code, text in written.items()
    }
    for text in forms.values():
        _text(text)  # whether a database takes it: a form is as good as a language here
    return _FormsByLanguage(number, forms)


def _language_of(texts: Container[str]) -> str | None:
    """The language in which a text is read now: the one that is active, else the project's own."""
    likely = _likely(get_language() or "", settings.LANGUAGE_CODE)
    return next((language for language in likely if language in texts), None)


class _ByLanguage:
    """A text in the language that is active where it is read; where it has none in that, in the project's own."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __str__(self) -> str:
        language = _language_of(self._texts)
        return next(iter(self._texts.values())) if language is None else self._texts[language]


class _FormsByLanguage(Forms):
    """A text with plural forms in the language that is active where it is read, chosen as above."""

    __slots__ = ("_texts",)

    how = '"plural": "count"'

    def __init__(self, number: str, texts: Mapping[str, str | Mapping[str, str]]) -> None:
        super().__init__(number)
        self._texts = texts

    def form(self, number: int) -> str:
        language, forms = self._chosen()
        if isinstance(forms, str):
            return forms
        # What `manage.py check` says is missing is read in another form, and keeps nothing from being sent.
        last = list(forms.values())[-1]
        return forms.get(plurals.form_of(number, language), forms.get("other", last))

    def mistakes(self) -> Iterator[str]:
        language, forms = self._chosen()
        if isinstance(forms, str):
            return
        wanted = plurals.forms_of(language)
        for name, number in wanted.items():
            if name not in forms and not (number == plurals.MILLION and "other" in forms):
                yield f"without the form {name!r} ({language}), in which {number} is said: {', '.join(wanted)}."
        for name in forms:
            if name not in wanted and name != "other":
                yield f"with a form {name!r} that no whole number has ({language}): {', '.join(wanted)}."

    def _chosen(self) -> tuple[str, str | Mapping[str, str]]:
        language = _language_of(self._texts)
        language = next(iter(self._texts)) if language is None else language
        return language, self._texts[language]


def _likely(*languages: str) -> Iterable[str]:
    """Each language, and what it is a variant of."""
    for language in languages:
        yield language.lower()
        yield language.lower().partition("-")[0]
