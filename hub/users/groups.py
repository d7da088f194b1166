"""Who is in which of Django's groups: of a user model that has them, as ``PermissionsMixin`` does."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class Memberships:
    """The table of who is in which group.

    Args:
        rows: its model.
        user, group: the names of its foreign keys.
        table, user_column, group_column: the same for SQL.
        number_column: the key of its rows, for SQL, where that grows from row to row; else empty.
    """

    rows: type[models.Model]
    user: str
    group: str
    table: str
    user_column: str
    group_column: str
    number_column: str


def memberships() -> Memberships | None:
    """Where the user model keeps groups; None if it has none."""
    return _memberships(settings.AUTH_USER_MODEL)


@lru_cache(maxsize=8)
def _memberships(label: str) -> Memberships | None:
    try:
        field: Any = get_user_model()._meta.get_field("groups")
    except FieldDoesNotExist:
        return None
    if not field.many_to_many or field.related_model is not Group:
        return None
    key = field.remote_field.through._meta.pk
    return Memberships(
        rows=field.remote_field.through,
        user=field.m2m_field_name(),
        group=field.m2m_reverse_field_name(),
        table=field.m2m_db_table(),
        user_column=field.m2m_column_name(),
        group_column=field.m2m_reverse_name(),
        number_column=(key.column or "") if isinstance(key, models.AutoField) else "",
    )


def groups_of(key: Any) -> "QuerySet[Any, Any]":
    """The ids of the groups of the user with this key."""
    found = memberships()
    if found is None:
        return Group.objects.none().values_list("pk", flat=True)
    return found.rows._default_manager.filter(**{found.user: key}).values_list(found.group, flat=True)


def is_member(key: Any, group: Any) -> bool:
    """Whether the user with this key is in the group with this id."""
    found = memberships()
    if found is None or key is None:
        return False
    return bool(found.rows._default_manager.filter(**{found.user: key, found.group: group}).exists())


def keys_of_members(group: Any) -> Iterable[Any]:
    """The keys of the users in the group with this id."""
    found = memberships()
    if found is None:
        return ()
    return found.rows._default_manager.filter(**{found.group: group}).values_list(found.user, flat=True)


def names_of_groups(keys: Iterable[Any]) -> dict[Any, list[str]]:
    """The names of the groups of the users with these keys, in order, by key; without those who are in none."""
    found = memberships()
    names: dict[Any, list[str]] = {}
    if found is not None:
        rows = found.rows._default_manager.filter(**{f"{found.user}__in": list(keys)})
        for key, name in rows.order_by(f"{found.group}__name").values_list(found.user, f"{found.group}__name"):
            names.setdefault(key, []).append(name)
    return names
