"""Ends the sessions, tokens and unused links of whoever gets a new password, and logs who logs in and out.

Connected in one place, :func:`connect`. :mod:`hub.access.receivers` tells the web processes.
"""

from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest

from hub.access import revalidate
from hub.accounts import links, sessions, throttling, tokens
from hub.accounts.models import AccessToken
from hub.database import listen
from hub.logs import get_logger
from hub.users import User, log_in_field

log = get_logger(__name__)


def connect() -> None:
    """Connect the signals of log-ins, passwords and tokens; called once, when the apps are ready."""
    user_logged_in.connect(_logged_in, dispatch_uid="accounts.logged_in")
    user_logged_out.connect(_logged_out, dispatch_uid="accounts.logged_out")
    user_login_failed.connect(_log_in_failed, dispatch_uid="accounts.log_in_failed")
    listen(_user_saved, post_save, get_user_model(), "accounts.user_saved")
    listen(_token_deleted, post_delete, AccessToken, "accounts.token_deleted")


def _logged_in(sender: type[User], request: HttpRequest, user: User, **_: Any) -> None:
    sessions.begin(request.session, request)
    sessions.end_oldest(user)  # this one is stored after the answer
    log.info("logged_in", user=user.pk)


def _logged_out(sender: type[User], request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        log.info("logged_out", user=user.pk)


def _log_in_failed(sender: str, credentials: dict[str, Any], **_: Any) -> None:
    # Django's form calls it so, whatever people log in with.
    name = credentials.get("username", credentials.get(log_in_field(), ""))
    # By its id only: what was typed as the name may have been the password.
    log.warning("log_in_failed", user=throttling.id_of(str(name)))


def _user_saved(
    sender: type[User], instance: User, created: bool, update_fields: Collection[str] | None, **_: Any
) -> None:
    fields = update_fields or ("password",)
    # Django keeps the new password until it is stored, so every way to set one is seen: pages, the admin, a shell.
    if not created and instance._password is not None and "password" in fields:  # type: ignore[attr-defined]  # not in the stubs
        log.info("password_changed", user=instance.pk)
        sessions.end(instance)
        links.end(instance)
        tokens.revoke(AccessToken.objects.filter(user=instance))


def _token_deleted(sender: type[AccessToken], instance: AccessToken, **_: Any) -> None:
    if tokens.has_ended(instance):
        return  # that was said when it was revoked, and the periodic revalidation ends what is over
    revalidate(users=[instance.user_id])
    log.info("tokens_revoked", users=[instance.user_id], count=1)
