"""Reads the settings from the environment once, and says what is wrong with them; gives those that are in force."""

import functools
import reprlib
from collections.abc import Mapping
from dataclasses import Field, fields, replace
from typing import Any, get_type_hints

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from hub.config import variables
from hub.config.declaration import django_name_of, facts_of, variable_of
from hub.config.derived import contradictions
from hub.config.kinds import NotThisKind, check, form_of, from_text, in_words
from hub.config.typed_settings import HubSettings
from hub.config.variables import UnusableEnvironment

_current: HubSettings | None = None
#: What the environment said when Django's settings were made.
_read = HubSettings()
#: Whether they were made from it.
_is_own_project = False


def hub_settings() -> HubSettings:
    """The settings in force: what the environment says, and what Django's settings say otherwise. Made once."""
    global _current
    if _current is None:
        _current = replace(_read, **_in_django())
    return _current


def is_own_project() -> bool:
    """Whether Django's settings are the hub's own, or made from them; else the hub is inside a project of others."""
    _ = settings.INSTALLED_APPS  # they are made with the first look at them
    return _is_own_project


def read_environment() -> HubSettings:
    """The settings as the environment says them, converted and checked. Needs no configured Django.

    An empty variable counts as one that is not set.

    Raises:
        UnusableEnvironment: variables are not what they are declared to be; the text has a sentence for each.
    """
    found: dict[str, Any] = {}
    wrong = []
    for setting in fields(HubSettings):
        text = None
        try:
            text = variables.read(variable_of(setting))
            if text is not None and (text.strip() or not form_of(kind_of(setting)).may_be_empty):
                # Blanks may be part of a secret.
                found[setting.name] = from_text(kind_of(setting), text if facts_of(setting).secret else text.strip())
        except UnusableEnvironment as error:
            wrong.append(str(error))
        except NotThisKind:
            name = variable_of(setting)
            wrong.append(_sentence(setting, f"{name} (or {name}_FILE)" if facts_of(setting).secret else name, text))
    if found.get("env", HubSettings().env) == "development":
        found = _of_development() | found
    read = HubSettings(**found)
    wrong = wrong or list(contradictions(read))
    if wrong:
        raise UnusableEnvironment("\n".join(wrong))
    return read


def for_django() -> tuple[HubSettings, dict[str, Any]]:
    """The settings of :func:`read_environment` for ``hub.settings``, and those of them that Django's settings hold.

    What Django's settings hold in the end is in force: :func:`hub_settings` has it.
    """
    global _read, _current, _is_own_project
    _read, _current, _is_own_project = read_environment(), None, True
    return _read, {name: getattr(_read, field) for field, name in _django_names().items()}


def faults() -> list[str]:
    """One sentence for each setting in force that is not what it is declared to be; a secret is in none of them.

    What comes from the environment was checked when it was read: only what Django's settings say otherwise is looked
    at. Needs no apps. ``manage.py check`` says them all (``hub.checks``).
    """
    declared, given = {one.name: one for one in fields(HubSettings)}, _in_django()
    found = []
    for name, value in given.items():
        if value is not getattr(_read, name):
            try:
                check(kind_of(declared[name]), value)
            except NotThisKind:
                found.append(_sentence(declared[name], django_name_of(declared[name]), value))
    return found or list(contradictions(replace(_read, **given)))


def refuse_faults() -> None:
    """Raise ``ImproperlyConfigured`` with all :func:`faults`: for what starts without Django's checks."""
    if found := faults():
        raise ImproperlyConfigured("\n".join(found))


def kind_of(setting: "Field[Any]") -> Any:
    """The type of a setting with what it says about the values, see :mod:`hub.config.kinds`."""
    return _kinds()[setting.name]


@functools.cache
def _kinds() -> Mapping[str, Any]:
    return get_type_hints(HubSettings, include_extras=True)


def _sentence(setting: "Field[Any]", name: str, value: Any) -> str:
    shown = "" if facts_of(setting).secret else f", not {reprlib.repr(value)}"
    return f"{name} must be {in_words(kind_of(setting))}{shown}."


def _of_development() -> dict[str, Any]:
    declared = {setting.name: facts_of(setting).development for setting in fields(HubSettings)}
    return {name: default for name, default in declared.items() if default is not None}


@functools.cache
def _django_names() -> Mapping[str, str]:
    return {one.name: django_name_of(one) for one in fields(HubSettings) if not facts_of(one).django}


def known_in_django() -> frozenset[str]:
    """The names of the hub's settings in Django's."""
    return frozenset({*_django_names().values(), "HUB_CELERY_APP"})


def _in_django() -> dict[str, Any]:
    """What Django's settings hold of the hub's, by its name here."""
    found = {field: getattr(settings, name, None) for field, name in _django_names().items()}
    return {field: value for field, value in found.items() if hasattr(settings, _django_names()[field])}


def _forget(*, setting: str, **kwargs: Any) -> None:
    global _current
    if setting.startswith("HUB_"):
        _current = None


setting_changed.connect(_forget, dispatch_uid="hub.config.reading")
