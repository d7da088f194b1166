"""What a person is called outside: in channel names, signed tokens, the HTTP API and presence, as text.

That is the key of the user model or, with ``HUB_USER_ID``, another unique field of it. With the hub's own model it is
what the product calls the person and, for people whom no product knows, the key; :mod:`hub.people.keys` says how the
two differ. Inside, rows and queries use the key.
"""

import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models
from django.db.models import Q, QuerySet

from hub.config import hub_settings
from hub.people.keys import is_external_id, is_key
from hub.users.json_form import written_key
from hub.users.model import Key, User, Visitor, all_users, field_named, is_own_model, key_field

#: What an id may consist of: it is part of a channel's name. Also for regular expressions of other languages.
ID_PATTERN = "[A-Za-z0-9_-]{1,64}"

#: The same for what is in memory already.
ID_FORM = re.compile(ID_PATTERN)

#: The field of the hub's own model that has what a product calls a person.
_EXTERNAL = "external_id"

#: The numbers that keys have. SQLite takes no larger one, not even in a question.
_INTEGERS = range(2**63)


def user_id(user: Visitor) -> str:
    """What ``user`` is called outside; empty for a guest. Asks no database."""
    key = written_key(user)
    if key is None:
        return ""
    if name := hub_settings().user_id:
        return str(getattr(user, name))
    return (getattr(user, _EXTERNAL) if is_own_model() else None) or str(key)


def id_columns() -> tuple[str, ...]:
    """The columns that ids come from: the first that has a value has the id, as text (:func:`id_from`)."""
    if _may_be_external():
        return _EXTERNAL, key_field().attname
    return (_id_field().attname,)


def id_from(values: Iterable[Any]) -> str:
    """The id in what a row has in :func:`id_columns`."""
    return str(next(value for value in values if value is not None))


def ids_in(users: QuerySet[User]) -> dict[Key, str]:
    """What the users of a query are called outside, by key, in its order. One query."""
    if ids_are_keys():
        return {key: str(key) for key in users.values_list("pk", flat=True)}
    return {key: id_from(values) for key, *values in users.values_list("pk", *id_columns())}


def value_of_id(text: str) -> Any:
    """``text`` as the column of the ids has it; None if it is no id.

    An id has one way to be written: ``07`` is not the id 7, and a UUID has small letters.
    """
    if not ID_FORM.fullmatch(text):
        return None
    if _may_be_external() and not is_key(text):
        return text if is_external_id(text) else None
    try:
        value = _id_field().to_python(text)
    except (ValidationError, ValueError):
        return None
    if str(value) != text or (isinstance(value, int) and value not in _INTEGERS):
        return None
    return value


def key_of_id(text: str) -> Key | None:
    """The key of the person with the id ``text``, where the id says it; None where only their row does."""
    if hub_settings().user_id or (_may_be_external() and not is_key(text)):
        return None
    return value_of_id(text)


def has_form_of_id(text: str) -> bool:
    """Whether ``text`` is meant as an id and never as a name: whoever has taken which name.

    With ids of digits that is every text of digits, with UUIDs every UUID, with ids of any text every text that can be
    one.
    """
    kind = _id_field().get_internal_type()
    if not _may_be_external() and ("Integer" in kind or kind.endswith("AutoField")):
        return text.isascii() and text.isdigit()
    return value_of_id(text) is not None


def with_ids(ids: Iterable[str]) -> Q | None:
    """Finds the users with these ids; None where none of them is an id of a user."""
    values = [value for text in ids if (value := value_of_id(text)) is not None]
    if not values:
        return None
    if not _may_be_external():
        return Q(**{f"{_id_field().attname}__in": values})
    keys = [value for value in values if not isinstance(value, str)]
    found = Q(**{f"{_EXTERNAL}__in": [value for value in values if isinstance(value, str)]})
    return found | Q(**{"pk__in": keys, _EXTERNAL: None}) if keys else found


def users_by_id(ids: Iterable[str]) -> dict[str, User]:
    """The users with these ids, by id; what is no id of a user is left out. One query at most."""
    wanted = with_ids(ids)
    return {} if wanted is None else {user_id(user): user for user in all_users().filter(wanted)}


def ids_of_keys(keys: Iterable[Key]) -> dict[Key, str]:
    """What the users with these keys are called outside, by key.

    Where the key is not the id that takes a query, and users who are gone are left out.
    """
    keys = list(keys)
    if not keys or ids_are_keys():
        return {key: str(key) for key in keys}
    return ids_in(all_users().filter(pk__in=keys))


def id_in(row: models.Model, relation: str = "user") -> str:
    """What the person is called outside whom the foreign key ``relation`` of ``row`` names.

    Where the key is not the id that takes a query if the person is not loaded, and raises ``LookupError`` where they
    are gone.
    """
    if ids_are_keys():
        return str(getattr(row, f"{relation}_id"))
    try:
        user = getattr(row, relation)
    except ObjectDoesNotExist:
        user = None
    if user is None:  # as select_related() has it
        raise LookupError(f"The {relation} of {row!r} is gone.")
    return user_id(user)


def _may_be_external() -> bool:
    """Whether a product may have given the id."""
    return is_own_model() and not hub_settings().user_id


def ids_are_keys() -> bool:
    """Whether what people are called outside is the key of their row, as text."""
    return not hub_settings().user_id and not is_own_model()


def _id_field() -> "models.Field[Any, Any]":
    """The column that has the ids, of all people or of those whom no product knows."""
    name = hub_settings().user_id
    return (field_named(name) if name else None) or key_field()
