"""People for tests: ``User`` is the user model of the run (``pytest --ds``), whatever that is.

``User.objects.create_user("ada")`` works with each of them, and others read "ada" of that person.
"""

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import EmailField

from hub.config import hub_settings
from hub.users import field_named, is_own_model, log_in_field, value_of_id

if TYPE_CHECKING:
    from hub.people.models import User
else:
    User = get_user_model()

__all__ = ["User", "create_with_id", "id_of_nobody", "log_in_name", "make_crowd"]


def make_crowd(name: str, number: int) -> list[User]:
    """So many people who have nothing but what they log in with, stored by one statement."""
    return User.objects.bulk_create(User(**{log_in_field(): f"{name}{one}"}) for one in range(number))


def id_of_nobody(number: int = 7) -> str:
    """An id that nobody has, one for each number, in the form that the ids of this run's user model have."""
    return next(text for text in (str(number), str(UUID(int=number))) if value_of_id(text) is not None)


def create_with_id(known: str, name: str) -> User:
    """The person of this name with the id :func:`id_of_nobody`, which is somebody's then."""
    field = hub_settings().user_id or ("external_id" if is_own_model() else "pk")
    return User.objects.create_user(name, **{field: known})


def log_in_name(name: str) -> str:
    """What the person logs in with whom ``create_user(name)`` has made or makes."""
    return f"{name}@example.com" if isinstance(field_named(log_in_field()), EmailField) else name
