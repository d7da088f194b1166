"""The alert that somebody has signed up, in projects that have the app ``hub.accounts``."""

from typing import Any

from django.utils.translation import gettext as _

from hub.accounts.signals import signed_up
from hub.config import hub_settings
from hub.users import User, display_name, staff
from notifications import Alert, alert
from notifications.rules.declaring import run
from worker.personal_data import signed_up_key


def connect() -> None:
    """Listen for visitors who sign up; called once, when the apps are ready."""
    signed_up.connect(_user_signed_up, dispatch_uid="worker.user_signed_up")


def _user_signed_up(sender: type[User], user: User, **_kwargs: Any) -> None:
    run(user_signed_up, user)


def user_signed_up(user: User) -> Alert | None:
    """A visitor made an account: tell the staff, if ``HUB_SHIPPED_RULES`` says so. Accounts that are made in the admin
    or mirrored tell nobody.
    """
    if "user_signed_up" not in hub_settings().shipped_rules:
        return None
    others = [one for one in staff() if one.pk != user.pk]
    if not others:
        return None
    return alert(
        to=others,
        title=_("New account"),
        message=_("%(username)s has signed up") % {"username": display_name(user)},
        key=signed_up_key(user),
    )
