"""What a product says of a person, and what it may say."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

import msgspec
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from msgspec import UNSET, Meta, UnsetType

from hub.characters import is_storable
from hub.people.keys import EXTERNAL_ID_LIMIT, is_external_id
from hub.users import NAME_LIMIT
from hub.validation.nesting import DEPTH_LIMIT, is_too_deep
from hub.validation.text import is_storable_json

#: Characters of a mail address, and of the name of a group, as their tables have them.
EMAIL_LIMIT, GROUP_NAME_LIMIT = 254, 150

#: Groups of one person, and bytes of the JSON of their attributes.
GROUPS_LIMIT, ATTRIBUTES_LIMIT = 50, 4096

#: Such as ``de``, ``pt-br`` and ``zh-Hant-TW``.
_LANGUAGE = re.compile(r"(?:[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*)?", re.ASCII)
_LANGUAGE_LIMIT = 16

_ID = Meta(
    description=f"What the product calls the person: 1 to {EXTERNAL_ID_LIMIT} letters (a to z, A to Z), digits, `-` "
    "and `_`; not 9 and 15 more digits, which is a key of the hub's own."
)
_NAME = Meta(description=f"What others read, at most {NAME_LIMIT} characters.")
_LANG = Meta(description="Such as `de` or `pt-br`; empty where it is not known.")
_ZONE = Meta(description="Such as `Europe/Berlin`; empty where it is not known.")
_ATTRIBUTES = Meta(description=f"What else there is to say, at most {ATTRIBUTES_LIMIT} bytes of JSON.")
_GROUPS = Meta(
    description=f"The names of all groups that the person is in, at most {GROUPS_LIMIT}. Groups that there are not "
    "are made."
)


class PersonRow(msgspec.Struct, kw_only=True, frozen=True):
    """A person. What is left out stays as it is; of a new person it is empty, and they are active."""

    id: Annotated[str, _ID]
    name: Annotated[str | UnsetType, _NAME] = UNSET
    email: str | UnsetType = UNSET
    language: Annotated[str | UnsetType, _LANG] = UNSET
    time_zone: Annotated[str | UnsetType, _ZONE] = UNSET
    attributes: Annotated[dict[str, Any] | UnsetType, _ATTRIBUTES] = UNSET
    groups: Annotated[list[str] | UnsetType, _GROUPS] = UNSET
    active: bool | UnsetType = UNSET


class BadPerson(ValueError):
    """A field of a row is not what it has to be. The text says which and why, and nothing of what it has.

    Args:
        index: which of the rows, from 0 on.
        field: which field of it.
        why: what it has to be.
    """

    def __init__(self, index: int, field: str, why: str) -> None:
        super().__init__(f"{field} of person {index}: {why}")
        self.index = index
        self.field = field
        self.why = why


def check(index: int, row: PersonRow) -> None:
    """Raise :class:`BadPerson` where the person, which is the one of number ``index``, cannot be stored."""
    for field, why in _faults(row):
        raise BadPerson(index, field, why)


def _faults(row: PersonRow) -> Iterator[tuple[str, str]]:
    if not is_external_id(row.id):
        yield (
            "id",
            f"it has 1 to {EXTERNAL_ID_LIMIT} letters (a to z), digits, - and _, but not 9 and 15 more digits",
        )
    if row.name and not _is_text(row.name, NAME_LIMIT):
        yield "name", f"it has {NAME_LIMIT} characters at most"
    if row.email and not _is_email(row.email):
        yield "email", "it is no mail address"
    if row.language and not (len(row.language) <= _LANGUAGE_LIMIT and _LANGUAGE.fullmatch(row.language)):
        yield "language", "it is no code such as de or pt-br"
    if row.time_zone and row.time_zone not in _time_zones():
        yield "time_zone", "it is no name such as Europe/Berlin"
    if row.attributes and not _is_small_json(row.attributes):
        yield (
            "attributes",
            f"at most {ATTRIBUTES_LIMIT} bytes of JSON, without NUL, {DEPTH_LIMIT} levels deep",
        )
    if row.groups and not _are_group_names(row.groups):
        yield "groups", f"they are {GROUPS_LIMIT} names at most, of 1 to {GROUP_NAME_LIMIT} characters"


def _is_text(text: str, limit: int) -> bool:
    return len(text) <= limit and is_storable(text)


def _is_email(text: str) -> bool:
    if not _is_text(text, EMAIL_LIMIT):
        return False
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _is_small_json(value: dict[str, Any]) -> bool:
    try:
        text = msgspec.json.encode(value).decode()
    except (ValueError, OverflowError, RecursionError):
        return False
    return len(text.encode()) <= ATTRIBUTES_LIMIT and is_storable_json(text) and not is_too_deep(text, value)


def _are_group_names(names: list[str]) -> bool:
    return len(names) <= GROUPS_LIMIT and all(name and _is_text(name, GROUP_NAME_LIMIT) for name in names)


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
