"""People for tests: ``User`` is the user model of the run (``pytest --ds``), whatever that is.

``User.objects.create_user("ada")`` works with each of them, and others read "ada" of that person.
"""

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model

from hub.users import log_in_field

if TYPE_CHECKING:
    from hub.people.models import User
else:
    User = get_user_model()

__all__ = ["User", "make_crowd"]


def make_crowd(name: str, number: int) -> list[User]:
    """So many people who have nothing but what they log in with, stored by one statement."""
    return User.objects.bulk_create(User(**{log_in_field(): f"{name}{one}"}) for one in range(number))
