"""Tells the web processes when permissions of a user change or end, whatever the project's users and sessions are.

Connected in one place, :func:`connect`. Changes that send no signal (``update()``, SQL by hand, a session that
expires, a log-out where sessions are kept in a cache) are found by the periodic revalidation of
:mod:`hub.access.revalidation`.
"""

from collections.abc import Collection
from typing import Any

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.models import Group
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from django.utils import timezone

from hub.access import project_sessions
from hub.access.control import revalidate
from hub.database.signals import listen
from hub.users import Key, User
from hub.users.groups import keys_of_members
from hub.users.model import key_of_text


def connect() -> None:
    """Connect the signals of permission changes; called once, when the apps are ready."""
    users = get_user_model()
    listen(_user_saved, post_save, users, "hub.access.user_saved")
    listen(_user_deleted, post_delete, users, "hub.access.user_deleted")
    listen(_group_deleted, pre_delete, Group, "hub.access.group_deleted")
    for relation in users._meta.many_to_many:
        if relation.name in {"groups", "user_permissions"}:
            through: Any = relation.remote_field.through
            listen(_membership_changed, m2m_changed, through, f"hub.access.{through.__name__}")
    if (model := project_sessions.model_class()) is not None:
        listen(_session_deleted, post_delete, model, "hub.access.session_deleted")


def _user_saved(
    sender: type[User], instance: User, created: bool, update_fields: Collection[str] | None, **_: Any
) -> None:
    # A log-in saves the time of it and nothing else.
    if not created and set(update_fields or ("all",)) != {"last_login"}:
        revalidate(users=[instance.pk])


def _user_deleted(sender: type[User], instance: User, **_: Any) -> None:
    revalidate(users=[instance.pk])


def _session_deleted(sender: type[AbstractBaseSession], instance: AbstractBaseSession, **_: Any) -> None:
    # Expired ones are deleted by the thousand, and the periodic revalidation has closed their connections long ago.
    if instance.expire_date > timezone.now() and (key := instance.get_decoded().get(SESSION_KEY)) is not None:
        try:
            revalidate(users=[key_of_text(key)])
        except ValidationError:
            return  # of nobody: a session from before the user model got another key


def _group_deleted(sender: type[Group], instance: Group, **_: Any) -> None:
    revalidate(users=keys_of_members(instance.pk))


def _membership_changed(
    sender: type[Any], instance: User | Group, action: str, reverse: bool, pk_set: set[Key] | None, **_: Any
) -> None:
    if action == "pre_clear" and isinstance(instance, Group):  # after it nobody knows any more who they were
        revalidate(users=keys_of_members(instance.pk))
    elif action in {"post_add", "post_remove", "post_clear"}:
        revalidate(users=(pk_set or ()) if reverse else (instance.pk,))
