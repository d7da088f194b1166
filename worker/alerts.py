"""The alerts that the hub ships: rules that join models of one domain with notifications.

Each is off unless ``HUB_SHIPPED_RULES`` names it: a hub tells people nothing that its team did not ask for. Each asks
who may know of the thing itself.
"""

from typing import Any

from django.utils.translation import gettext as _

from chat.models import Room
from hub.accounts.signals import signed_up
from hub.config import hub_settings
from hub.users import User, display_name, staff
from notifications import Alert, alert, on_save
from notifications.rules import run


def connect() -> None:
    """Listen for visitors who sign up; called once, when the apps are ready."""
    signed_up.connect(_user_signed_up, dispatch_uid="worker.user_signed_up")


def _user_signed_up(sender: type[User], user: User, **_kwargs: Any) -> None:
    run(user_signed_up, user)


def user_signed_up(user: User) -> Alert | None:
    """A visitor made an account: tell the staff. Accounts that are made in the admin or mirrored tell nobody."""
    if not _is_on("user_signed_up"):
        return None
    others = [one for one in staff() if one.pk != user.pk]
    if not others:
        return None
    return alert(
        to=others,
        title=_("New account"),
        message=_("%(username)s has signed up") % {"username": display_name(user)},
    )


@on_save(Room, created=True)
def room_opened(room: Room) -> Alert | None:
    """A new chat room: tell everyone, unless it is private: nobody but its members may know of it."""
    if room.is_private or not _is_on("room_opened"):
        return None
    return alert(
        to="everyone",
        title=_("New chat room"),
        message=_("The room %(room)s is open") % {"room": room.name},
        url=room.get_absolute_url(),
        key=room_opened_key(room),
    )


def room_opened_key(room: Room) -> str:
    """The key of the alert that a room is open."""
    return f"chat.room_opened:{room.pk}"


def _is_on(name: str) -> bool:
    return name in hub_settings().shipped_rules
