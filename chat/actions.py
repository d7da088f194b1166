"""Every write of the chat app, and the publication that it causes."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from chat import channels, events, names
from chat.models import Message, Room
from hub.publishing import publish, publish_ephemeral


class NotSignedIn(PermissionError):
    """The author is no active user (any more)."""


class NameTaken(ValueError):
    """A room of this name exists."""


class NoSuchRoom(LookupError):
    """The room was deleted."""


def create_room(*, name: str, creator: User) -> Room:
    """Make a room.

    Raises:
        NameTaken: there is one of this name.
        django.core.exceptions.ValidationError: the name is not one for a room.
    """
    name = names.normal(name)
    names.validate(name)
    try:
        with transaction.atomic():
            return Room.objects.create(name=name, created_by=creator)
    except IntegrityError:
        raise NameTaken(name) from None


def post_message(*, room_id: int, author_id: int | None, text: str) -> Message:
    """Store a message and send it to everyone in the room. When it returns, the message is stored.

    Raises:
        NotSignedIn: the author is gone or deactivated; rights are read anew for each message.
        NoSuchRoom: the room is gone.
    """
    author = User.objects.filter(pk=author_id, is_active=True).first() if author_id else None
    if author is None:
        raise NotSignedIn
    try:
        with transaction.atomic():
            message = Message.objects.create(room_id=room_id, author=author, username=author.get_username(), text=text)
            publish(channels.of_room(room_id), events.posted(message))
    except IntegrityError:
        raise NoSuchRoom from None
    return message


def tell_joined(*, room_id: int, username: str) -> None:
    """Tell the room that somebody came: live only."""
    publish_ephemeral(channels.of_room(room_id), events.PersonJoined(username=username, at=timezone.now()))


def tell_left(*, room_id: int, usernames: Iterable[str]) -> None:
    """Tell the room who left: live only."""
    for username in usernames:
        publish_ephemeral(channels.of_room(room_id), events.PersonLeft(username=username, at=timezone.now()))
