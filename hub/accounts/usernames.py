"""What an account may be called, whoever makes it."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db.models.signals import post_delete, post_save

from hub.database.signals import listen
from hub.validation import lookalikes, names


def _everyone() -> Iterable[tuple[object, str]]:
    return User.objects.values_list("pk", "username").iterator()


USERS = lookalikes.register(lookalikes.Names("user", _everyone))


def validate(username: str, *, user: User | None = None, official: bool = False) -> None:
    """Accept a name for a new account or, with ``user``, another name for that one.

    ``official`` is for those who administer the hub: they may give names such as ``admin``.

    Raises:
        django.core.exceptions.ValidationError: see :func:`hub.validation.names.validate`.
    """
    names.validate(username, official=official)
    others = User.objects.filter(pk__in=USERS.owners_like(username))
    if user is not None:
        others = others.exclude(pk=user.pk)
    names.validate(username, official=official, taken=others.values_list("username", flat=True))


def connect() -> None:
    """Listen for accounts that get a name; called once, when the apps are ready."""
    listen(_user_saved, post_save, User, "accounts.username_saved")
    listen(_user_deleted, post_delete, User, "accounts.username_deleted")


def _user_saved(sender: type[User], instance: User, update_fields: Iterable[str] | None = None, **_: Any) -> None:
    # A log-in saves the time of it and nothing else.
    if update_fields is None or "username" in update_fields:
        USERS.remember(instance.pk, instance.get_username())


def _user_deleted(sender: type[User], instance: User, **_: Any) -> None:
    USERS.forget(instance.pk)
