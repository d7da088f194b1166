"""What is wrong with the declaration of a kind, in sentences that go on behind its name.

Where it may be something else than its type says, it is looked at as anything: apps need no type checker.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import translation

from notifications.kinds import params
from notifications.kinds.declaring import COUNT, NAME_LIMIT, Category, Kind, is_name
from notifications.kinds.locales import UNKNOWN, languages
from notifications.kinds.texts import BadTemplate, Template, Text, placeholders
from notifications.kinds.wording import write
from notifications.models import TITLE_LIMIT, Level
from notifications.preferences.methods import methods
from notifications.preferences.subjects import is_fixed
from notifications.safe_urls import is_safe_url
from notifications.sending.alerting import LONGEST, LONGEST_THROTTLE

#: Numbers that choose each form of a plural, in the languages that there are.
_NUMBERS = (0, 1, 2, 3, 5, 11, 21, 100, 1_000_000)


def of(kind: Kind) -> Iterator[str]:
    """All of them; none where the kind works."""
    yield from _of_names(kind)
    texts = [*_of_fields(kind), *_of_types(kind), *_of_group(kind)]
    yield from texts or _of_texts(kind)


def of_categories(made: Iterable[Kind]) -> Iterator[str]:
    """Categories of one name that are not the same."""
    known: dict[str, Category] = {}
    for category in (kind.category for kind in made):
        if isinstance(category, Category) and known.setdefault(category.name, category) is not category:
            yield (
                f"Two categories are named {category.name!r}: make it once, and import it where other kinds are of it."
            )


def _of_names(kind: Any) -> Iterator[str]:
    if not is_name(kind.name):
        yield (
            f"has no good name: small letters, digits, '-' and '_', in parts that dots divide, at most {NAME_LIMIT}."
        )
    if not isinstance(kind.label, Text) or not str(kind.label).strip():
        yield "has no label, by which people know it."
    if kind.category is not None and not isinstance(kind.category, Category):
        yield f"has a category that is none: write Category({kind.category!r}, label=…)."
    elif kind.category is not None and not is_name(kind.category.name):
        yield f"has a category named {kind.category.name!r}: small letters, digits, '-', '_' and dots."
    if kind.level not in Level.values:
        yield f"has the level {kind.level!r}: it is one of {', '.join(Level.values)}."
    if not isinstance(kind.icon, str) or len(kind.icon) > NAME_LIMIT:
        yield f"has an icon that is no text of at most {NAME_LIMIT} characters."
    yield from _of_defaults(kind)
    for name, longest in (("expires", LONGEST), ("keep", LONGEST), ("throttle", LONGEST_THROTTLE)):
        lasts = getattr(kind, name)
        if lasts is not None and (not isinstance(lasts, timedelta) or not timedelta(0) < lasts <= longest):
            yield f"has an argument {name}= that is no timedelta above 0 and of at most {longest.days} days."


def _of_defaults(kind: Any) -> Iterator[str]:
    if not isinstance(kind.defaults, Mapping):
        yield 'has defaults that are no dict, such as {"live": False}.'
        return
    known = [method.name for method in methods()]
    for name, is_on in kind.defaults.items():
        if name not in known:
            yield f"has a default for {name!r}, which is no delivery method: there are {', '.join(known)}."
        elif not isinstance(is_on, bool):
            yield f"has the default {is_on!r} for {name!r}: it is True or False."
        elif not is_on and is_fixed(kind, name):
            why = "critical" if kind.critical else "not to be switched off (can_opt_out=False)"
            yield f"has the default False for {name!r}, and is {why}."


def _of_fields(kind: Any) -> Iterator[str]:
    for name, type_ in kind.fields.items():
        if not isinstance(name, str) or not name.isidentifier():
            yield f"has a field {name!r}: a placeholder is a name, as a variable has one."
        if not _is_type(type_):
            known = ", ".join(getattr(one, "__name__", str(one)) for one in params.TYPES if one != list[str])
            yield f"has a field {name!r} of the type {type_!r}: there are {known} and list[str]."


def _is_type(type_: Any) -> bool:
    try:
        return type_ in params.TYPES
    except TypeError:  # it cannot be a key
        return False


def _of_group(kind: Any) -> Iterator[str]:
    if kind.many and COUNT in kind.fields:
        yield f"has a field {COUNT!r}, which texts for many have as the number of notifications: name it otherwise."
    if not isinstance(kind.group_by, str):
        yield "has a group_by that is no plain text."
        return
    try:
        unknown = placeholders(kind.group_by) - kind.fields.keys()
    except BadTemplate as error:
        yield f"has a group_by that cannot be filled in. {error}"
    else:
        if unknown:
            yield f"has a group_by with the placeholder {{{min(unknown)}}}, not among its fields."


def _texts(kind: Kind) -> Iterator[tuple[str, Template, Mapping[str, Any]]]:
    """The name of each text, the text, and the placeholders that it may have, with their types."""
    for name, template in kind.templates.items():
        yield name, template, kind.fields
    for name, template in kind.many.items():
        yield f"many_{name}", template, {**kind.fields, COUNT: int}


def _of_types(kind: Kind) -> Iterator[str]:
    for name, template, fields in _texts(kind):
        if not template.is_text:
            yield f"has a {name} that is no text."
        elif template.forms is not None and fields.get(template.number or "") is not int:
            yield (
                f"has a {name} with a plural: name the placeholder that chooses its form, {template.forms.how}, "
                f"and declare it with the type int."
            )


def _of_texts(kind: Kind) -> Iterator[str]:
    try:
        examples = params.examples_of(kind)
    except params.BadParams as error:
        yield f"has examples that do not fit: {error}"
        return
    found = [next(_of_text(*text, examples), None) for text in _texts(kind)]
    if any(found):
        yield from (mistake for mistake in found if mistake)
        return
    said = write(kind, examples, UNKNOWN)
    if any(len(text.get("title", "")) > TITLE_LIMIT for text in (said, write(kind, examples, UNKNOWN, 2))):
        yield f"has a title of more than {TITLE_LIMIT} characters."
    if "url" in said and not is_safe_url(said["url"]):
        yield (
            f"has the url {said['url']!r}, with example values: it begins with '/' or http(s)://, and a placeholder "
            "is a part of it. Give an address that you have as a whole to notify(url=…)."
        )


def _of_text(name: str, template: Template, fields: Mapping[str, Any], examples: dict[str, Any]) -> Iterator[str]:
    """What is wrong with one text in any of the languages: of one that is not translated, once in each."""
    for code in (settings.LANGUAGE_CODE, *languages()):
        with translation.override(code):
            if template.forms is not None:
                yield from (f"has a {name} {mistake}" for mistake in template.forms.mistakes())
            for number in _NUMBERS if template.has_forms else (0,):
                values = examples | {template.number or "": number}
                try:
                    unknown = placeholders(template.pattern(values)) - fields.keys()
                except BadTemplate as error:
                    yield f"has a {name} that cannot be filled in ({code}). {error}"
                else:
                    if unknown:
                        yield f"has a {name} with the placeholder {{{min(unknown)}}} ({code}), not among its fields."
