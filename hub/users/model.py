"""The project's user model: its type, its rows, and those of its fields that the hub uses where they exist."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import FieldDoesNotExist
from django.core.signals import setting_changed
from django.db import connection, models
from django.db.models import QuerySet
from django.utils import timezone

__all__ = [
    "Key",
    "User",
    "Visitor",
    "all_users",
    "as_stored",
    "field_named",
    "is_own_model",
    "joined_field",
    "key_field",
    "key_of_text",
    "log_in_field",
    "searched_by",
    "staff",
]

if TYPE_CHECKING:
    # What the relations of the hub's own project lead to. Other models lack some of its fields: the tests that run on
    # `tests.projects.uuid_people` find where one of them is used.
    from hub.people.models import User
else:
    #: A person with an account: the type of every user model that the hub works with.
    User = AbstractBaseUser

#: Whoever is there; a guest is an ``AnonymousUser``.
Visitor = User | AnonymousUser

#: The key of a user: a number, a UUID or a text, as the model has it. Outside stands :func:`hub.users.user_id`.
Key = Any


def all_users() -> QuerySet[User]:
    """Everybody who has an account."""
    return get_user_model()._default_manager.all()


@lru_cache(maxsize=1)  # Django's settings are slow to look at, and everybody who connects asks this several times
def is_own_model() -> bool:
    """Whether people are of the hub's own model (:mod:`hub.people`), not of one that a project brings."""
    return bool(settings.AUTH_USER_MODEL == "hub_people.User")


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "AUTH_USER_MODEL":
        is_own_model.cache_clear()
        key_field.cache_clear()


setting_changed.connect(_forget, dispatch_uid="hub.users.model")


@lru_cache(maxsize=1)  # asked for each of many people
def key_field() -> "models.Field[Any, Any]":
    """The column of the key."""
    return get_user_model()._meta.pk


def keys_are_uuids() -> bool:
    """Whether keys are UUIDs in the database and in Python: a field of somebody's may make something else of them."""
    field = key_field()
    return field.get_internal_type() == "UUIDField" and not hasattr(field, "from_db_value")


def staff() -> list[User]:
    """The active people of the staff; nobody where the user model has no ``is_staff``."""
    if field_named("is_staff") is None:
        return []
    return [user for user in all_users().filter(is_staff=True) if user.is_active]


def field_named(name: str) -> "models.Field[Any, Any] | None":
    """The column ``name`` of the user model; None where it has none of this name."""
    try:
        found = get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return found if isinstance(found, models.Field) and found.concrete and not found.many_to_many else None


def as_stored(keys: Iterable[Key]) -> list[Any]:
    """``keys`` as SQL takes them and gives them back; also keys as JSON has them (:mod:`hub.users.json_form`)."""
    keys, field = list(keys), key_field()
    if keys_are_uuids() and (kinds := set(map(type, keys))) in ({UUID}, {str}):
        # As the field does it, which looks at each for longer than at all that is done with it.
        if connection.features.has_native_uuid_field:
            return keys if UUID in kinds else [UUID(key) for key in keys]
        return [key.hex for key in keys] if UUID in kinds else [key.replace("-", "") for key in keys]
    return [key if isinstance(key, int) else field.get_db_prep_value(key, connection) for key in keys]


def key_of_text(text: str) -> Key:
    """The key that ``str()`` has made ``text`` of."""
    return key_field().to_python(text)


def log_in_field() -> str:
    """The name of the field by which people log in: the model's ``USERNAME_FIELD``."""
    return str(get_user_model().USERNAME_FIELD)


def searched_by(relation: str) -> str:
    """What the admin searches to find the rows of a person, whom the foreign key ``relation`` names."""
    return f"{relation}__{log_in_field()}"


def joined_field() -> str:
    """The name of the field that says when an account was made; empty where the model has none.

    That is ``date_joined``, else the first time that is set when the row is made.
    """
    return _joined_field(settings.AUTH_USER_MODEL)


@lru_cache(maxsize=8)
def _joined_field(label: str) -> str:
    times = [field for field in get_user_model()._meta.concrete_fields if isinstance(field, models.DateTimeField)]
    set_once = [field.name for field in times if field.auto_now_add or field.default is timezone.now]
    return "date_joined" if any(field.name == "date_joined" for field in times) else next(iter(set_once), "")
