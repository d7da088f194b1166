"""What ``manage.py check`` says about ``DATABASE_ROUTERS``: the hub's rows and people are in the default database."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, models, router

#: Where the hub's models are: the first name of their app's.
ROOTS = frozenset({"hub", "notifications", "chat", "presence", "worker"})


class _Fault(NamedTuple):
    """What is said of models that a router puts elsewhere."""

    kind: Callable[..., checks.CheckMessage]
    id: str
    #: With the names of the models and of the database.
    sentence: str
    hint: str


_ROWS = _Fault(
    checks.Error,
    "hub.E060",
    "DATABASE_ROUTERS puts {} into the database {!r}. The hub stores its rows in the transaction of what they are "
    "about, and reads them together with people: they have to be in 'default'.",
    "Let db_for_write() of the router answer 'default' for the apps of the hub.",
)
_PEOPLE = _Fault(
    checks.Error,
    "hub.E061",
    "DATABASE_ROUTERS puts {} into the database {!r}. The hub reads people together with its own rows: they have to "
    "be in 'default'.",
    "Have the database of people as 'default', and name the other one in the router.",
)
_READS = _Fault(
    checks.Warning,
    "hub.W060",
    "DATABASE_ROUTERS reads {} from the database {!r}. What a replica does not have yet is missed: an alert in a "
    "list, a permission, the end of a session.",
    "Let db_for_read() of the router answer 'default' for the apps of the hub.",
)


@checks.register
def rows_are_in_the_default_database(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """``DATABASE_ROUTERS`` leaves the hub's tables, people and groups where one statement can ask for all of them."""
    if not getattr(settings, "DATABASE_ROUTERS", ()):
        return []
    try:
        people: list[type[models.Model]] = [get_user_model(), Group]
    except ImproperlyConfigured:
        return []  # Django's own check says so
    own = [model for model in _own_models() if model not in people]
    written_here = [model for model in own if router.db_for_write(model) == DEFAULT_DB_ALIAS]
    return [
        *_said(_ROWS, own, router.db_for_write),
        *_said(_PEOPLE, people, router.db_for_write),
        *_said(_READS, written_here, router.db_for_read),
    ]


def _own_models() -> list[type[models.Model]]:
    of_hub = [app for app in apps.get_app_configs() if app.name.partition(".")[0] in ROOTS]
    return [model for app in of_hub for model in app.get_models()]


def _said(
    fault: _Fault, found: Sequence[type[models.Model]], where: Callable[[type[models.Model]], str]
) -> Iterator[checks.CheckMessage]:
    """One message for each other database that is asked for some of these models."""
    labels = defaultdict(list)
    for model in found:
        labels[where(model)].append(model._meta.label)
    for alias in sorted(labels.keys() - {DEFAULT_DB_ALIAS}):
        yield fault.kind(fault.sentence.format(", ".join(labels[alias]), alias), hint=fault.hint, id=fault.id)
