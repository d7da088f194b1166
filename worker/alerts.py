"""The alerts that the hub ships: rules that join models of one domain with notifications."""

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from chat.models import Room
from notifications import Alert, alert, on_save


@on_save(User, created=True)
def user_joined(user: User) -> Alert | None:
    """A new account: tell the staff."""
    staff = User.objects.filter(is_staff=True, is_active=True).exclude(pk=user.pk)
    if not staff:
        return None
    return alert(
        to=staff,
        title=_("New account"),
        message=_("%(username)s has signed up") % {"username": user.get_username()},
    )


@on_save(Room, created=True)
def room_opened(room: Room) -> Alert | None:
    """A new chat room: tell everyone, unless it is private: nobody but its members may know of it."""
    if room.is_private:
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
