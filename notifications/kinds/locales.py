"""In which language and time zone a person reads."""

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import global_settings, settings
from django.contrib.auth import get_user_model
from django.db.models import F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import get_supported_language_variant

from hub.config import hub_settings
from hub.database.finding import find_row
from hub.users import Key, User, all_users, is_own_model
from notifications.models import Preferences


class Locale(NamedTuple):
    """A language of ``LANGUAGES`` and the name of a time zone; each is empty where it is not known."""

    language: str = ""
    time_zone: str = ""


#: Of those of whom nothing is known, and of many who read the same.
UNKNOWN = Locale()


def locales_of(keys: Collection[Key]) -> dict[Key, Locale]:
    """The locales of these users, by key, in one query; of whom nothing is known is left out."""
    return {key: locale for key, *said in _said_of(keys) if (locale := _locale(*said)) != UNKNOWN}


def locale_with(row: Preferences | None, key: Key) -> Locale:
    """That of one user, whose preferences are known: they have ``row``, or none. One query at most, a short one."""
    if any(chosen_elsewhere().values()):
        return locales_of([key]).get(key, UNKNOWN)
    chosen = row or Preferences()
    model = get_user_model()
    told = find_row(model, model._meta.pk.name, key) if is_own_model() else None
    return _locale(
        chosen.language or getattr(told, "language", ""), chosen.time_zone or getattr(told, "time_zone", "")
    )


def clock_of(user: User) -> str:
    """The name of the time zone that this person goes by: the one they have chosen, else that of the project."""
    return locales_of([user.pk]).get(user.pk, UNKNOWN).time_zone or settings.TIME_ZONE


def languages() -> list[str]:
    """The codes of the languages that texts are written in besides ``LANGUAGE_CODE``.

    None where the project has not chosen its ``LANGUAGES``: without a choice Django names about a hundred.
    """
    chosen = [code for code, _ in settings.LANGUAGES]
    if chosen == [code for code, _ in global_settings.LANGUAGES]:
        return []
    return [code for code in chosen if code != settings.LANGUAGE_CODE]


def chosen_elsewhere() -> dict[str, bool]:
    """Whether the language and the time zone are the product's to choose, so that people do not choose them here."""
    return {"language": bool(hub_settings().language_of), "time_zone": bool(hub_settings().time_zone_of)}


def _said_of(keys: Collection[Key]) -> Iterator[tuple[Any, ...]]:
    """Key, language and time zone of each of these users, as columns or :class:`Preferences` say it."""
    if not keys:
        return
    columns = {"language": hub_settings().language_of, "time_zone": hub_settings().time_zone_of}
    if not any(columns.values()) and not is_own_model():
        yield from Preferences.objects.filter(user__in=keys).values_list("user", *columns)
        return
    own = Preferences.objects.filter(user=OuterRef("pk"))
    found = [F(name) if name else _chosen(own.values(column), column) for column, name in columns.items()]
    yield from all_users().filter(pk__in=keys).values_list("pk", *found)


def _chosen(own: QuerySet[Any], column: str) -> Any:
    """What a person has chosen; else, of the hub's own model, what a product has said of them."""
    chosen = Subquery(own)
    return Coalesce(NullIf(chosen, Value("")), F(column)) if is_own_model() else chosen


def _locale(language: Any, time_zone: Any) -> Locale:
    return Locale(_language(str(language or "")), _time_zone(str(time_zone or "")))


@lru_cache(maxsize=256)
def _language(said: str) -> str:
    """The language of ``LANGUAGES`` that is meant, also by ``ru_RU`` and ``RU``; empty where there is none."""
    try:
        return get_supported_language_variant(said.replace("_", "-").lower())
    except LookupError:
        return ""


@lru_cache(maxsize=1024)
def _time_zone(said: str) -> str:
    """``said``, where it is the name of a time zone; else empty."""
    try:
        return ZoneInfo(said).key
    except (KeyError, ValueError, OSError):
        return ""
