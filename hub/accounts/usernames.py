"""What an account may be called, whoever makes it, where people log in with a ``username``.

A project whose people log in with something else, such as a mail address, has no names that could look alike.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.db.models.signals import post_delete, post_save

from hub.database import listen
from hub.users import User, all_users, log_in_field, looks_made
from hub.validation import known_names, validate_name

#: The field that has the names.
FIELD = "username"

#: Words in the place of a recipient that mean many people. A name with a colon, such as ``group:ops``, none can have.
RECIPIENTS = frozenset({"members"})


def are_used() -> bool:
    """Whether people log in with a username."""
    return log_in_field() == FIELD


def _everyone() -> Iterable[tuple[object, str]]:
    return _named().values_list("pk", FIELD).iterator() if are_used() else ()


def _named() -> QuerySet[User]:
    """Those who have a name to log in with: people whom a product knows have none."""
    return all_users().exclude(**{FIELD: None})


USERS = known_names("user", _everyone)


def validate(username: str, *, user: User | None = None, official: bool = False) -> None:
    """Accept a name for a new account or, with ``user``, another name for that one.

    ``official`` is for those who administer the hub: they may give names such as ``admin``.

    Raises:
        django.core.exceptions.ValidationError: see :func:`hub.validation.names.validate`.
    """
    validate_name(username, official=official, reserved=RECIPIENTS | ({username} if looks_made(username) else set()))
    others = all_users().filter(pk__in=USERS.owners_like(username))
    if user is not None:
        others = others.exclude(pk=user.pk)
    validate_name(username, official=official, taken=others.values_list(FIELD, flat=True))


def connect() -> None:
    """Listen for accounts that get a name; called once, when the apps are ready."""
    if are_used():
        listen(_user_saved, post_save, get_user_model(), "accounts.username_saved")
        listen(_user_deleted, post_delete, get_user_model(), "accounts.username_deleted")


def _user_saved(sender: type[User], instance: User, update_fields: Iterable[str] | None = None, **_: Any) -> None:
    # A log-in saves the time of it and nothing else.
    if instance.get_username() is not None and (update_fields is None or FIELD in update_fields):
        USERS.remember(instance.pk, instance.get_username())


def _user_deleted(sender: type[User], instance: User, **_: Any) -> None:
    USERS.forget(instance.pk)
