"""``users``, ``users_list``, ``users_erase``, ``users_export``: the people whom a product knows."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ParamSpec, TypeVar

import msgspec
from django.db import transaction
from msgspec import UNSET, Meta, UnsetType

from hub import privacy
from hub.access.people import BadPerson, PersonRow, upsert_people
from hub.api.errors import ApiError, Code
from hub.api.method import ApiCall, Method, register
from hub.api.naming import PEOPLE_LIMIT, PageSize, all_of, person_named
from hub.database.threads import TooMuchLongWork, in_database_thread, in_long_thread
from hub.users import User, all_users, has_staff_rights, is_own_model, names_of_groups, user_id, users_by_id

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds after which a call that found no room comes again.
RETRY_AFTER = 10

#: People of one call who are erased: each takes a transaction of its own.
ERASE_LIMIT = 100

_ROWS = Meta(description=f"At most {PEOPLE_LIMIT}; of several with one id the last counts.")
_IDS = Meta(
    description=f"Of these people only, at most {PEOPLE_LIMIT}; those who are not there, and people of the staff, are "
    "left out."
)
_AFTER = Meta(description="Goes on behind this person, the last one of another page.")
_ERASED = Meta(description=f"At most {ERASE_LIMIT}; those who are not there (any more) are left out.")
_ACCOUNT = Meta(description="Whether the user goes as well; by default where the user model is the hub's own.")


class UsersRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Make people, or change what is said of them."""

    users: Annotated[list[PersonRow], _ROWS]


class UsersResult(msgspec.Struct):
    """The ids, each once, in the order of the request."""

    ids: list[str]


class UsersListRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read people."""

    ids: Annotated[list[str], _IDS] = []
    after: Annotated[str, _AFTER] = ""
    limit: PageSize = 100


class ListedPerson(msgspec.Struct, kw_only=True):
    """A person, as the product has described them."""

    id: str
    name: str
    email: str
    language: str
    time_zone: str
    attributes: dict[str, Any]
    groups: list[str]
    active: bool


class UsersListResult(msgspec.Struct):
    """People, in the order in which they were made, without those of the staff, who are not for programs to read.
    ``more``: there are others behind the last one.
    """

    users: list[ListedPerson]
    more: bool


class UsersEraseRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Erase people for good."""

    ids: Annotated[list[str], _ERASED]
    account: Annotated[bool | UnsetType, _ACCOUNT] = UNSET


class UsersEraseResult(msgspec.Struct):
    """Those who were there and are erased."""

    erased: list[str]


class UsersExportRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Tell what the hub holds of a person."""

    user: str


class UsersExportResult(msgspec.Struct):
    """What the hub holds, by the parts of the hub."""

    data: dict[str, Any]


async def upsert(call: ApiCall[UsersRequest]) -> UsersResult:
    """All of them or, where one cannot be, none."""
    _own_people_only()
    rows = call.request.users
    if len(rows) > PEOPLE_LIMIT:
        raise ApiError(Code.LIMIT_EXCEEDED, f"a call has {PEOPLE_LIMIT} people at most")
    for row in rows:
        call.user(row.id)
    if any(row.groups is not UNSET for row in rows):
        all_of(call, "group")
    try:
        await in_database_thread(_upsert, rows)
    except BadPerson as error:
        raise ApiError(Code.BAD_REQUEST, str(error)) from None
    return UsersResult(list(dict.fromkeys(row.id for row in rows)))


def _upsert(rows: Sequence[PersonRow]) -> None:
    with transaction.atomic():
        people = upsert_people(rows)
        for index, row in enumerate(rows):
            if has_staff_rights(people[row.id]):
                raise BadPerson(index, "id", "people of the staff are changed in the admin")


async def read(call: ApiCall[UsersListRequest]) -> UsersListResult:
    """Those with the ids, or a page of all whom the product knows."""
    _own_people_only()
    request = call.request
    if len(request.ids) > PEOPLE_LIMIT:
        raise ApiError(Code.LIMIT_EXCEEDED, f"a call names {PEOPLE_LIMIT} people at most")
    for one in request.ids:
        call.user(one)
    if not request.ids:
        all_of(call, "user")
    return await in_database_thread(_read, request)


def _read(request: UsersListRequest) -> UsersListResult:
    if request.ids:
        found = users_by_id(request.ids)
        listed = [found[one] for one in dict.fromkeys(request.ids) if one in found]
        return UsersListResult(_listed([person for person in listed if not has_staff_rights(person)]), more=False)
    people = all_users().exclude(external_id=None).filter(is_staff=False, is_superuser=False).order_by("pk")
    if request.after:
        last = users_by_id([request.after]).get(request.after)
        if last is None:
            raise ApiError(Code.BAD_REQUEST, "after: there is nobody with this id (any more)")
        people = people.filter(pk__gt=last.pk)
    page = list(people[: request.limit + 1])
    return UsersListResult(_listed(page[: request.limit]), more=len(page) > request.limit)


def _listed(people: Sequence[User]) -> list[ListedPerson]:
    groups = names_of_groups(person.pk for person in people)
    return [
        ListedPerson(
            id=user_id(person),
            name=person.name,
            email=person.email,
            language=person.language,
            time_zone=person.time_zone,
            attributes=person.attributes,
            groups=groups.get(person.pk, []),
            active=person.is_active,
        )
        for person in people
    ]


async def erase(call: ApiCall[UsersEraseRequest]) -> UsersEraseResult:
    """One after the other; where one fails, those before are erased, and the call may be repeated."""
    ids = list(dict.fromkeys(call.request.ids))
    if len(ids) > ERASE_LIMIT:
        raise ApiError(Code.LIMIT_EXCEEDED, f"a call erases {ERASE_LIMIT} people at most")
    for one in ids:
        call.user(one)
    if call.request.account is True and not is_own_model():
        raise ApiError(Code.BAD_REQUEST, "users of the project are deleted by the project: leave out account")
    return UsersEraseResult(await _long(_erase, ids, call.request.account))


async def _long(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await in_long_thread(function, *args, **kwargs)
    except TooMuchLongWork:
        detail = "people are being erased or exported already"
        raise ApiError(Code.TOO_MANY_REQUESTS, detail, retry_after=RETRY_AFTER) from None


def _erase(ids: Sequence[str], account: bool | UnsetType) -> list[str]:
    people = users_by_id(ids)
    if any(map(has_staff_rights, people.values())):
        raise ApiError(Code.BAD_REQUEST, "people of the staff are erased with manage.py erase_user")
    privacy.erase_all(people.values(), account=None if isinstance(account, UnsetType) else account)
    return [one for one in ids if one in people]


async def export(call: ApiCall[UsersExportRequest]) -> UsersExportResult:
    """All of it, in one answer."""
    return UsersExportResult(await _long(_export, call))


def _export(call: ApiCall[UsersExportRequest]) -> dict[str, Any]:
    person = person_named(call, call.request.user)
    if has_staff_rights(person):
        raise ApiError(Code.BAD_REQUEST, "people of the staff are exported with manage.py export_user")
    return privacy.export(person)


def _own_people_only() -> None:
    if not is_own_model():
        raise ApiError(
            Code.NOT_AVAILABLE, "the people of this project are of its own user model: make and read them there"
        )


register(
    Method(
        "users",
        UsersRequest,
        UsersResult,
        upsert,
        "Make people, or change what is said of them, many at once.",
        {"users": [{"id": "42", "name": "Ada Lovelace", "language": "en", "groups": ["customers"]}]},
    )
)
register(
    Method(
        "users_list",
        UsersListRequest,
        UsersListResult,
        read,
        "Read people.",
        {"ids": ["42"]},
        also=("GET", "users"),
    )
)
register(
    Method(
        "users_erase",
        UsersEraseRequest,
        UsersEraseResult,
        erase,
        "Erase what the hub holds of people, for good.",
        {"ids": ["42"]},
        also=("DELETE", "users"),
        is_long=True,
    )
)
register(
    Method(
        "users_export",
        UsersExportRequest,
        UsersExportResult,
        export,
        "Tell what the hub holds of a person.",
        {"user": "42"},
        is_long=True,
    )
)
