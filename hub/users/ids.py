"""What a person is called outside: in channel names, signed tokens, the HTTP API and presence, as text.

That is the key of the user model or, with ``HUB_USER_ID``, another unique field of it. Inside, rows and queries use
the key.
"""

import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models

from hub.config import hub_settings
from hub.users.model import Key, User, Visitor, all_users, field_named, key_field

#: What an id may consist of: it is part of a channel's name. Also for regular expressions of other languages.
ID_PATTERN = "[A-Za-z0-9_-]{1,64}"

#: The same for what is in memory already.
ID_FORM = re.compile(ID_PATTERN)

#: The numbers that keys have. SQLite takes no larger one, not even in a question.
_INTEGERS = range(2**63)


def user_id(user: Visitor) -> str:
    """What ``user`` is called outside; empty for a guest. Asks no database."""
    if user.pk is None:
        return ""
    name = hub_settings().user_id
    return str(getattr(user, name) if name else user.pk)


def id_field() -> "models.Field[Any, Any]":
    """The column that has the ids."""
    name = hub_settings().user_id
    return (field_named(name) if name else None) or key_field()


def value_of_id(text: str) -> Any:
    """``text`` as the column of the ids has it; None if it is no id.

    An id has one way to be written: ``07`` is not the id 7, and a UUID has small letters.
    """
    if not ID_FORM.fullmatch(text):
        return None
    try:
        value = id_field().to_python(text)
    except (ValidationError, ValueError):
        return None
    if str(value) != text or (isinstance(value, int) and value not in _INTEGERS):
        return None
    return value


def has_form_of_id(text: str) -> bool:
    """Whether ``text`` is meant as an id and never as a name: whoever has taken which name.

    With ids of digits that is every text of digits, with UUIDs every UUID, with ids of any text every text that can be
    one.
    """
    kind = id_field().get_internal_type()
    if "Integer" in kind or kind.endswith("AutoField"):
        return text.isascii() and text.isdigit()
    return value_of_id(text) is not None


def users_by_id(ids: Iterable[str]) -> dict[str, User]:
    """The users with these ids, by id; what is no id of a user is left out. One query at most."""
    values = [value for text in ids if (value := value_of_id(text)) is not None]
    if not values:
        return {}
    return {user_id(user): user for user in all_users().filter(**{f"{id_field().attname}__in": values})}


def ids_of_keys(keys: Iterable[Key]) -> dict[Key, str]:
    """What the users with these keys are called outside, by key.

    With ``HUB_USER_ID`` that takes a query, and users who are gone are left out.
    """
    name = hub_settings().user_id
    keys = list(keys)
    if not name or not keys:
        return {key: str(key) for key in keys}
    found = all_users().filter(pk__in=keys).values_list("pk", name)
    return {key: str(value) for key, value in found}


def id_in(row: models.Model, relation: str = "user") -> str:
    """What the person is called outside whom the foreign key ``relation`` of ``row`` names.

    With ``HUB_USER_ID`` that takes a query where the person is not loaded, and raises ``LookupError`` where they are
    gone.
    """
    if not hub_settings().user_id:
        return str(getattr(row, f"{relation}_id"))
    try:
        return user_id(getattr(row, relation))
    except ObjectDoesNotExist:
        raise LookupError(f"The {relation} of {row!r} is gone.") from None
