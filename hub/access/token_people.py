"""People whom the hub learns of by their signed tokens (``HUB_TOKEN_CREATES_USERS``), in the hub's own user model.

The newest token counts, whichever web process sees it: when the token was made that was taken last (``iat``) is stored
with the person. One that was made before changes nothing, so nobody gets back what a later one took from them.
"""

import hashlib
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from django.contrib.auth import get_user_model
from django.db import transaction
from msgspec import UNSET, UnsetType

from hub.access.authorization import NotValid
from hub.access.people import BadPerson, PersonRow, lock_people, place_people, upsert_people
from hub.access.person_rows import check
from hub.access.signed_tokens import Claims
from hub.config import hub_settings
from hub.database import batched
from hub.people.keys import is_external_id
from hub.users import User, is_own_model, keep_names

if TYPE_CHECKING:
    from hub.people.models import User as OwnUser

#: People of whom each process remembers what was stored last.
REMEMBERED = 10_000


class TokenPerson(NamedTuple):
    """What a token says of a person; what it leaves out stays as it is.

    ``made`` is the token's ``iat``; 0 where it does not say when it was made, so that any that does is newer.
    """

    id: str
    made: float
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
        person = TokenPerson(
            claims.sub, max(claims.iat or 0, 0), said.name, said.email, said.language, said.zone, said.groups
        )
        check(0, _row_of(person))
    except msgspec.ValidationError as error:
        raise NotValid(f"signed token: claims: {error}") from None
    except UnicodeError:
        raise NotValid("signed token: claims: half a character where there is to be no text") from None
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
    """Whether this process has stored just this, or what a newer token says: so there is nothing to do."""
    made, digest = _stored.get(person.id, _NOTHING)
    return person.made < made or (person.made == made and _digest(person) == digest)


def forget() -> None:
    """Forget what is stored: for tests."""
    _stored.clear()


def _make(people: list[TokenPerson]) -> dict[TokenPerson, User]:
    """Store what the newest token of each person says, where it is newer than the one that was taken last."""
    # Of two that were made in one second, the later one to come counts.
    newest = {person.id: person for person in sorted(people, key=lambda person: person.made)}
    with transaction.atomic():
        found, placed = _locked(newest)
        last = {one: (person.token_made, person.token_digest) for one, person in found.items()}
        taken = {one: (said.made, _digest(said)) for one, said in newest.items()}
        taken = {one: now for one, now in taken.items() if now[0] >= last.get(one, _NOTHING)[0]}
        changed = [_row_of(newest[one]) for one, (_, digest) in taken.items() if digest != last.get(one, _NOTHING)[1]]
        if changed:
            found |= upsert_people(changed, placed=placed)
        _note({one: now for one, now in taken.items() if now != last.get(one)}, found)
    if len(_stored) + len(newest) > REMEMBERED:
        _stored.clear()
    _stored.update(last | taken)
    keep_names(found.values())
    return {person: found[person.id] for person in people}


def _locked(ids: Collection[str]) -> tuple[dict[str, "OwnUser"], set[str]]:
    """All of them, so that no other process takes a token of theirs meanwhile; and the ids of those who are new.

    A new person has a row before their tokens are compared: there is nothing else that two processes could wait for.
    """
    found = lock_people(ids)
    if new := set(ids) - found.keys():
        place_people(new)
        found |= lock_people(new)
    return found, new


def _note(taken: Mapping[str, tuple[float, str]], people: Mapping[str, "OwnUser"]) -> None:
    """Store which tokens were taken last."""
    for one, (made, digest) in taken.items():
        people[one].token_made, people[one].token_digest = made, digest
    if taken:
        changed = [people[one] for one in taken]
        get_user_model()._default_manager.bulk_update(changed, ["token_made", "token_digest"])


def _digest(person: TokenPerson) -> str:
    said = {name: value for name, value in person._asdict().items() if value is not UNSET and name != "made"}
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def _row_of(person: TokenPerson) -> PersonRow:
    groups: Any = UNSET if person.groups is UNSET else list(person.groups)
    said = {name: value for name, value in person._asdict().items() if name != "made"}
    return PersonRow(**{**said, "groups": groups})


#: Claims that are called otherwise than what they set.
_CLAIMS = {"time_zone": "zone"}

#: When the token was made that was taken last, and the digest of what it says of the person; by their id.
_stored: dict[str, tuple[float, str]] = {}
_NOTHING = (-math.inf, "")
_making = batched(_make, connecting=True)
