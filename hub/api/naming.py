"""People and groups whom a call names: found by id and by name, where the key may name them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from django.contrib.auth.models import Group
from msgspec import Meta

from hub.api.errors import ApiError, Code
from hub.api.method import ApiCall
from hub.characters import is_storable
from hub.users import User, ids_of_keys, users_by_id

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: People of one call.
PEOPLE_LIMIT = 1000

#: Of requests: people by what the product calls them.
Users = Annotated[list[str], Meta(description=f"The ids of people, at most {PEOPLE_LIMIT}.")]

#: Of requests: the size of a page.
PageSize = Annotated[int, Meta(ge=1, le=PEOPLE_LIMIT, description=f"At most {PEOPLE_LIMIT}.")]


_AFTER = Meta(description="Goes on behind this person, the last one of another page.")


class PageOfPeople(msgspec.Struct, omit_defaults=True):
    """The ids of people. ``more`` stands there where there are others behind the last one."""

    users: list[str]
    more: bool = False


class PageWanted(msgspec.Struct, kw_only=True):
    """Which page of a list of people; of requests."""

    after: Annotated[str, _AFTER] = ""
    limit: PageSize = PEOPLE_LIMIT


class PeopleChanged(msgspec.Struct):
    """For how many people that was a change."""

    changed: int


def people_named(call: ApiCall[Any], ids: Sequence[str]) -> list[User]:
    """The people with these ids, each once. One query.

    Raises:
        ApiError: the key may not name one of them, they are too many, or one is not there.
    """
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > PEOPLE_LIMIT:
        raise ApiError(Code.LIMIT_EXCEEDED, f"a call names {PEOPLE_LIMIT} people at most")
    for one in wanted:
        call.user(one)
    found = users_by_id(wanted)
    for index, one in enumerate(wanted):
        if one not in found:
            raise ApiError(Code.BAD_REQUEST, f"there is nobody with the id that is number {index} of the people")
    return [found[one] for one in wanted]


def person_named(call: ApiCall[Any], known: str) -> User:
    """The one person with this id; see :func:`people_named`."""
    if not known:
        raise ApiError(Code.BAD_REQUEST, "user is missing")
    return people_named(call, [known])[0]


def page_of_people(rows: "QuerySet[Any, Any]", column: str, wanted: PageWanted) -> PageOfPeople:
    """A page of the people whom ``rows`` name with the foreign key ``column``, in the order of their keys.

    Raises:
        ApiError: ``after`` is none of them. Whether there is such a person elsewhere is not told.
    """
    if wanted.after:
        person = users_by_id([wanted.after]).get(wanted.after)
        if person is None or not rows.filter(**{column: person.pk}).exists():
            raise ApiError(Code.BAD_REQUEST, "after: nobody in this list has this id (any more)")
        rows = rows.filter(**{f"{column}__gt": person.pk})
    found = list(rows.order_by(column).values_list(column, flat=True)[: wanted.limit + 1])
    ids = ids_of_keys(found[: wanted.limit])
    return PageOfPeople([ids[key] for key in found if key in ids], more=len(found) > wanted.limit)


def all_of(call: ApiCall[Any], namespace: str) -> None:
    """Raise ``ApiError`` where the key is not for every channel of ``namespace``: what is asked for is about all."""
    if not call.caller.scope.has_all_of(namespace):
        raise ApiError(Code.PERMISSION_DENIED)


def group_named(call: ApiCall[Any], name: str) -> Group:
    """The group of this name. To a key that may not name every group, one that is not there is as one that it may not
    name.
    """
    group = Group.objects.filter(name=name).first() if is_storable(name) else None
    if group is None:
        all_of(call, "group")
        raise ApiError(Code.BAD_REQUEST, "there is no group of this name")
    call.channel(f"group:{group.pk}")
    return group
