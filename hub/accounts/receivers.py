"""Tells the web processes when permissions of a user change or end, and logs who logs in and out.

Connected in one place, :func:`connect`. Changes that send no signal (``update()``, SQL by hand, a session that
expires) are found by the periodic revalidation of :mod:`hub.access.revalidation`.
"""

from collections.abc import Collection
from typing import Any

import structlog
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from django.http import HttpRequest
from django.utils import timezone

from hub.access import revalidate
from hub.accounts import sessions, throttling, tokens
from hub.accounts.models import AccessToken, Session
from hub.database import listen
from hub.users import Key, User, keys_of_members, log_in_field

log = structlog.get_logger(__name__)


def connect() -> None:
    """Connect the signals of permission changes; called once, when the apps are ready."""
    user_logged_in.connect(_logged_in, dispatch_uid="accounts.logged_in")
    user_logged_out.connect(_logged_out, dispatch_uid="accounts.logged_out")
    user_login_failed.connect(_log_in_failed, dispatch_uid="accounts.log_in_failed")
    users = get_user_model()
    listen(_user_saved, post_save, users, "accounts.user_saved")
    listen(_user_deleted, post_delete, users, "accounts.user_deleted")
    listen(_session_deleted, post_delete, Session, "accounts.session_deleted")
    listen(_token_deleted, post_delete, AccessToken, "accounts.token_deleted")
    listen(_group_deleted, pre_delete, Group, "accounts.group_deleted")
    for relation in users._meta.many_to_many:
        if relation.name in {"groups", "user_permissions"}:
            through: Any = relation.remote_field.through
            listen(_membership_changed, m2m_changed, through, f"accounts.{through.__name__}")


def _logged_in(sender: type[User], request: HttpRequest, user: User, **_: Any) -> None:
    sessions.begin(request.session, request)
    log.info("logged_in", user=user.pk)


def _logged_out(sender: type[User], request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        log.info("logged_out", user=user.pk)


def _log_in_failed(sender: str, credentials: dict[str, Any], **_: Any) -> None:
    # By its id only: what was typed as the name may have been the password.
    log.warning("log_in_failed", user=throttling.id_of(str(credentials.get(log_in_field(), ""))))


def _user_saved(
    sender: type[User], instance: User, created: bool, update_fields: Collection[str] | None, **_: Any
) -> None:
    fields = update_fields or ("password",)
    # Django keeps the new password until it is stored, so every way to set one is seen: pages, the admin, a shell.
    if not created and instance._password is not None and "password" in fields:  # type: ignore[attr-defined]  # not in the stubs
        log.info("password_changed", user=instance.pk)
        sessions.end(instance)
        tokens.revoke(AccessToken.objects.filter(user=instance))
    # A login saves the time of it and nothing else.
    if not created and set(update_fields or ("all",)) != {"last_login"}:
        revalidate(users=[instance.pk])


def _user_deleted(sender: type[User], instance: User, **_: Any) -> None:
    revalidate(users=[instance.pk])


def _session_deleted(sender: type[Session], instance: Session, **_: Any) -> None:
    # Expired ones are deleted by the thousand, and the round has closed their sockets long ago.
    if instance.user_id is not None and instance.expire_date > timezone.now():
        revalidate(users=[instance.user_id])


def _token_deleted(sender: type[AccessToken], instance: AccessToken, **_: Any) -> None:
    revalidate(users=[instance.user_id])


def _group_deleted(sender: type[Group], instance: Group, **_: Any) -> None:
    revalidate(users=keys_of_members(instance.pk))


def _membership_changed(
    sender: type[Any], instance: User | Group, action: str, reverse: bool, pk_set: set[Key] | None, **_: Any
) -> None:
    if action == "pre_clear" and isinstance(instance, Group):  # after it nobody knows any more who they were
        revalidate(users=keys_of_members(instance.pk))
    elif action in {"post_add", "post_remove", "post_clear"}:
        revalidate(users=(pk_set or ()) if reverse else (instance.pk,))
