"""Audiences: people to whom one call sends a notification, by a name or as a list.

``MEMBERS`` is everybody who has an account and is active. An app declares its own in ``audiences.py``, where it is
found as ``admin.py`` is::

    @audience("customers")
    def customers() -> QuerySet[User]:
        return User.objects.filter(orders__isnull=False)

    notify(to="audience:customers", message="We have moved")
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import Exists, OuterRef, Q, QuerySet

from hub.users import User, Written, all_users, field_named, joined_field, written_keys
from notifications.models import AUDIENCE_LIMIT

#: A list of more people than so many is distributed by a job. Fewer get their rows at once.
SMALL = 100

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")

#: What strings for audiences begin with.
PREFIX, PERMISSION = "audience:", "permission:"

#: What is written in the column of a notification that was sent to a list of people.
LISTED = "people"

People = Callable[[], "QuerySet[Any]"]


class BadAudience(ImproperlyConfigured):
    """An audience that is declared wrongly: what is wrong with it is in the text."""


@dataclass(frozen=True, slots=True)
class Audience:
    """People by a name; :func:`audience`, :data:`MEMBERS` and :func:`people_with` make them.

    Args:
        label: as ``notify(to=…)`` takes it: ``members``, ``audience:NAME`` or ``permission:APP.CODENAME``.
        find: returns who they are now, as a queryset of the user model.
    """

    label: str
    find: People = field(compare=False)

    def people(self) -> "QuerySet[User]":
        """Who belongs to it now, in no order.

        Raises:
            BadAudience: the function returns something else than a queryset of people.
        """
        found: object = self.find()
        users = get_user_model()
        if not isinstance(found, QuerySet) or not issubclass(found.model, users):
            raise BadAudience(
                f"The audience {self.label!r} returns {_described(found)}; it has to return a queryset of "
                f"{users._meta.label}, such as User.objects.filter(…)."
            )
        if found.query.combinator or found.query.is_sliced or found.query.distinct_fields:
            raise BadAudience(
                f"The audience {self.label!r} returns a queryset that cannot be filtered further: it is sliced, made "
                "by union(), or distinct() by a field. Use filter(), with Q objects joined by |."
            )
        return found.order_by()

    def of_then(self, moment: datetime) -> "QuerySet[User]":
        """Who belongs to it now and had an account at ``moment``, where the user model says since when one has."""
        joined = joined_field()
        return self.people().exclude(**{f"{joined}__gt": moment}) if joined else self.people()


@dataclass(frozen=True, slots=True)
class Listed:
    """People by their keys, as they were at the call."""

    keys: tuple[Written, ...]

    #: As :attr:`Audience.label`; no string that ``notify`` takes.
    label = LISTED


_declared: dict[str, Audience] = {}


def audience(name: str) -> Callable[[People], Audience]:
    """Declare an audience: decorates a function without arguments that returns a queryset of people.

    The function is called by the job that distributes a notification, once for each step, so it has to return the same
    people each time. Who appears several times in it gets a notification once.

    Args:
        name: for ``notify(to="audience:NAME")``: small letters, digits, ``-`` and ``_``, at most 60.

    Raises:
        BadAudience: the name cannot be one, or another audience has it.
    """
    if not _NAME.fullmatch(name):
        raise BadAudience(
            f"{name!r} is no name for an audience: small letters, digits, '-' and '_', at most 60 of them."
        )

    def declare(people: People) -> Audience:
        found = Audience(f"{PREFIX}{name}", people)
        known = _declared.setdefault(name, found)
        if _home(known.find) != _home(people):
            raise BadAudience(f"Two audiences are named {name!r}: {_home(known.find)} and {_home(people)}.")
        _declared[name] = found
        return found

    return declare


def declared() -> Iterator[Audience]:
    """The audiences of the apps, by name."""
    return (_declared[name] for name in sorted(_declared))


def _members() -> "QuerySet[Any]":
    return all_users().filter(is_active=True) if field_named("is_active") is not None else all_users()


#: Everybody who has an account and is active; guests do not belong.
MEMBERS = Audience("members", _members)


def people_with(permission: str) -> Audience:
    """The active people who have a permission (``app_label.codename``): themselves, by a group, or as superusers.

    Raises:
        BadAudience: there is no such permission, or the user model has no permissions.
    """
    app_label, _, codename = permission.partition(".")
    try:
        get_user_model()._meta.get_field("user_permissions")
    except FieldDoesNotExist:
        raise BadAudience(
            f"The user model {get_user_model()._meta.label} has no permissions: derive it from PermissionsMixin, or "
            "declare an audience."
        ) from None
    if not Permission.objects.filter(content_type__app_label=app_label, codename=codename).exists():
        raise BadAudience(f"There is no permission {permission!r}; it is written 'app_label.codename'.")
    label = f"{PERMISSION}{permission}"
    if len(label) > AUDIENCE_LIMIT:
        raise BadAudience(f"The name of the permission {permission!r} is too long for an audience.")

    def find() -> "QuerySet[Any]":
        named = Permission.objects.filter(content_type__app_label=app_label, codename=codename)
        own, by_group = named.filter(user=OuterRef("pk")), named.filter(group__user=OuterRef("pk"))
        return _members().filter(Q(Exists(own)) | Q(Exists(by_group)) | Q(is_superuser=True))

    return Audience(label, find)


def audience_named(label: str) -> Audience | None:
    """The audience that ``label`` names: ``members``, ``audience:NAME`` or ``permission:APP.CODENAME``; else None.

    Raises:
        BadAudience: it has the form of one, and there is none.
    """
    if label == MEMBERS.label:
        return MEMBERS
    if label.startswith(PERMISSION):
        return people_with(label.removeprefix(PERMISSION))
    if not label.startswith(PREFIX):
        return None
    name = label.removeprefix(PREFIX)
    if name not in _declared:
        known = ", ".join(one.label for one in declared()) or "none is declared"
        raise BadAudience(
            f"There is no audience named {name!r}; declare it in audiences.py of an installed app. There are: {known}."
        )
    return _declared[name]


def listed(to: object) -> Listed | Sequence[User] | None:
    """The people of a queryset: by their keys where there are more than :data:`SMALL`, else as they are.

    None where ``to`` is no queryset of people.
    """
    if not isinstance(to, QuerySet) or not issubclass(to.model, get_user_model()):
        return None
    first = list(to[: SMALL + 1])
    if len(first) <= SMALL:
        return cast("list[User]", first)
    keys = tuple(dict.fromkeys(written_keys(to)))
    return Listed(keys) if len(keys) > SMALL else cast("list[User]", list(to))


def _home(function: object) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', repr(function))}"


def _described(found: object) -> str:
    if isinstance(found, QuerySet):
        return f"a queryset of {found.model._meta.label}"
    return type(found).__name__
