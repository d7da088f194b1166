"""People whom the hub learns of by their signed tokens (``HUB_TOKEN_CREATES_USERS``), in the hub's own user model."""

from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from hub.access.authorization import NotValid
from hub.access.people import BadPerson, PersonRow, upsert_people
from hub.access.person_rows import check
from hub.access.signed_tokens import Claims
from hub.config import hub_settings
from hub.database import batched
from hub.people.keys import is_external_id
from hub.users import User, is_own_model

#: What tokens have said of people, and is stored: so many are remembered in each process.
REMEMBERED = 10_000


class TokenPerson(NamedTuple):
    """What a token says of a person; what it leaves out stays as it is."""

    id: str
    name: str | UnsetType
    email: str | UnsetType
    language: str | UnsetType
    time_zone: str | UnsetType
    groups: tuple[str, ...] | UnsetType


class _Said(msgspec.Struct):
    """The claims about a person, each of its type."""

    name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    zone: str | UnsetType = UNSET
    groups: tuple[str, ...] | UnsetType = UNSET


def person_in(claims: Claims) -> TokenPerson | None:
    """The person whom the hub is to make or bring up to date; None where that is not for the token to say.

    That is so without the setting, where the project has a user model of its own, for guests, and for people who log
    in to the hub itself: a token may name them, and changes nothing of them.

    Raises:
        NotValid: the token says something of the person that cannot be stored.
    """
    settings = hub_settings()
    is_for_us = settings.token_creates_users and is_own_model() and not settings.user_id
    if not is_for_us or not is_external_id(claims.sub):
        return None
    given = {name: value for name in _Said.__struct_fields__ if (value := getattr(claims, name)) is not UNSET}
    try:
        said = msgspec.convert(given, _Said)
        person = TokenPerson(claims.sub, said.name, said.email, said.language, said.zone, said.groups)
        check(0, _row_of(person))
    except msgspec.ValidationError as error:
        raise NotValid(f"signed token: claims: {error}") from None
    except BadPerson as fault:
        raise NotValid(f"signed token: claims: {_CLAIMS.get(fault.field, fault.field)}: {fault.why}") from None
    return person


async def make(person: TokenPerson) -> User:
    """The person, made or brought up to date; all who come at the same time share the queries for that.

    Raises ``django.db.Error``.
    """
    return await _making.get(person)


def make_now(person: TokenPerson) -> User:
    """:func:`make` in a thread, for one person."""
    return _make([person])[person]


def is_stored(person: TokenPerson) -> bool:
    """Whether this process has stored just this: a client that comes back with its token changes nothing."""
    return person in _stored


def forget() -> None:
    """Forget what is stored: for tests."""
    _stored.clear()


def _make(people: list[TokenPerson]) -> dict[TokenPerson, User]:
    found = upsert_people([_row_of(person) for person in people])
    if len(_stored) + len(people) > REMEMBERED:
        _stored.clear()
    _stored.update(dict.fromkeys(people))
    return {person: found[person.id] for person in people}


def _row_of(person: TokenPerson) -> PersonRow:
    groups: Any = UNSET if person.groups is UNSET else list(person.groups)
    return PersonRow(**{**person._asdict(), "groups": groups})


#: Claims that are called otherwise than what they set.
_CLAIMS = {"time_zone": "zone"}

_stored: dict[TokenPerson, None] = {}
_making = batched(_make, connecting=True)
