"""``groups``, ``group_members``, ``group_add``, ``group_remove``: who is in which of Django's groups."""

from typing import Any

import msgspec
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Count

from hub.access.control import revalidate
from hub.access.person_rows import GROUP_NAME_LIMIT
from hub.api.errors import ApiError, Code
from hub.api.method import ApiCall, Method, register
from hub.api.naming import (
    PageOfPeople,
    PageWanted,
    PeopleChanged,
    Users,
    all_of,
    group_named,
    page_of_people,
    people_named,
)
from hub.characters import is_storable
from hub.database.threads import in_database_thread
from hub.users import Memberships, keys_of_members, memberships


class GroupsRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read which groups there are."""


class ListedGroup(msgspec.Struct):
    """A group. ``id`` is that of its channel, ``group:<id>``."""

    id: int
    name: str
    members: int


class GroupsResult(msgspec.Struct):
    """All groups, by name."""

    groups: list[ListedGroup]


class GroupMembersRequest(PageWanted, kw_only=True, forbid_unknown_fields=True):
    """Read who is in a group."""

    group: str


class GroupChangeRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Put people into a group, or take them out."""

    group: str
    users: Users


async def read_all(call: ApiCall[GroupsRequest]) -> GroupsResult:
    """With the number of members."""
    all_of(call, "group")
    _table()
    return GroupsResult(await in_database_thread(_read_all))


def _read_all() -> list[ListedGroup]:
    table = _table()
    count = table.rows._default_manager.values(table.group).annotate(number=Count("pk"))
    numbers = dict(count.values_list(table.group, "number"))
    rows = Group.objects.order_by("name").values_list("pk", "name")
    return [ListedGroup(pk, name, numbers.get(pk, 0)) for pk, name in rows]


async def read_members(call: ApiCall[GroupMembersRequest]) -> PageOfPeople:
    """In the order of their keys."""
    return await in_database_thread(_read_members, call)


def _read_members(call: ApiCall[GroupMembersRequest]) -> PageOfPeople:
    table = _table()
    group = group_named(call, call.request.group)
    rows = table.rows._default_manager.filter(**{table.group: group.pk})
    return page_of_people(rows, table.user, call.request)


async def add(call: ApiCall[GroupChangeRequest]) -> PeopleChanged:
    """A group that there is not is made, by a key for all groups."""
    return PeopleChanged(await in_database_thread(_add, call))


def _add(call: ApiCall[GroupChangeRequest]) -> int:
    table, name = _table(), call.request.group
    people = people_named(call, call.request.users)
    if not 1 <= len(name) <= GROUP_NAME_LIMIT or not is_storable(name):
        raise ApiError(Code.BAD_REQUEST, f"the name of a group has 1 to {GROUP_NAME_LIMIT} characters")
    with transaction.atomic():
        if call.caller.scope.has_all_of("group"):
            Group.objects.get_or_create(name=name)
        group = group_named(call, name)
        before = set(keys_of_members(group.pk))
        new = [person.pk for person in people if person.pk not in before]
        table.rows._default_manager.bulk_create(
            [table.rows(**{f"{table.user}_id": key, f"{table.group}_id": group.pk}) for key in new],
            ignore_conflicts=True,
        )
        revalidate(users=new)
    return len(new)


async def remove(call: ApiCall[GroupChangeRequest]) -> PeopleChanged:
    """Their connections leave the channel of the group within about a second."""
    return PeopleChanged(await in_database_thread(_remove, call))


def _remove(call: ApiCall[GroupChangeRequest]) -> int:
    table = _table()
    people = people_named(call, call.request.users)
    group = group_named(call, call.request.group)
    with transaction.atomic():
        rows: Any = table.rows._default_manager.filter(
            **{table.group: group.pk, f"{table.user}__in": [person.pk for person in people]}
        )
        gone = list(rows.values_list(table.user, flat=True))
        rows.delete()
        revalidate(users=gone)
    return len(gone)


def _table() -> Memberships:
    table = memberships()
    if table is None:
        raise ApiError(Code.NOT_AVAILABLE, "the user model of this project has no groups")
    return table


_EXAMPLE = {"group": "customers", "users": ["42", "43"]}

register(
    Method("groups", GroupsRequest, GroupsResult, read_all, "Read which groups there are.", {}, also=("GET", "groups"))
)
register(
    Method(
        "group_members",
        GroupMembersRequest,
        PageOfPeople,
        read_members,
        "Read who is in a group.",
        {"group": "customers"},
    )
)
register(
    Method("group_add", GroupChangeRequest, PeopleChanged, add, "Put people into a group.", _EXAMPLE),
)
register(
    Method("group_remove", GroupChangeRequest, PeopleChanged, remove, "Take people out of a group.", _EXAMPLE),
)
