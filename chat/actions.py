"""Every write of the chat app, and the publication that it causes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from chat import channels, events, names
from chat.models import Message, Room
from hub.publishing import publish_ephemeral, publish_many


class NotSignedIn(PermissionError):
    """The author is no active user (any more)."""


class NameTaken(ValueError):
    """A room of this name exists."""


class NoSuchRoom(LookupError):
    """The room was deleted."""


#: Why a message was not taken.
Refusal = NotSignedIn | NoSuchRoom


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


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """What somebody wants to write in a room."""

    room_id: int
    author_id: int | None
    text: str


def post_message(*, room_id: int, author_id: int | None, text: str) -> Message:
    """Store a message and send it to everyone in the room. When it returns, the message is stored.

    Raises:
        NotSignedIn: the author is nobody, gone or deactivated; rights are read anew for each message.
        NoSuchRoom: the room is gone.
    """
    (posted,) = post_messages([Draft(room_id, author_id, text)]).values()
    if isinstance(posted, Exception):
        raise posted
    return posted


def post_messages(drafts: Collection[Draft]) -> dict[Draft, Message | Refusal]:
    """:func:`post_message` for many at once, in one transaction: what a busy moment costs is shared by all in it.

    Returns for each draft the stored message, or the error of that draft alone.
    """
    try:
        return _store(drafts)
    except IntegrityError:
        # A room or an author was deleted in this very moment: one draft is at fault, the others are not.
        if len(drafts) == 1:
            return dict.fromkeys(drafts, NoSuchRoom())
        return {draft: result for one in drafts for draft, result in post_messages([one]).items()}


def _store(drafts: Collection[Draft]) -> dict[Draft, Message | Refusal]:
    with transaction.atomic():
        authors = User.objects.filter(is_active=True).in_bulk({draft.author_id for draft in drafts if draft.author_id})
        rooms = set(Room.objects.filter(pk__in={draft.room_id for draft in drafts}).values_list("pk", flat=True))
        results: dict[Draft, Message | Refusal] = {}
        for draft in drafts:
            if draft.author_id not in authors:
                results[draft] = NotSignedIn()
            elif draft.room_id not in rooms:
                results[draft] = NoSuchRoom()
            else:
                author = authors[draft.author_id]
                results[draft] = Message(
                    room_id=draft.room_id, author=author, username=author.get_username(), text=draft.text
                )
        messages = [result for result in results.values() if isinstance(result, Message)]
        Message.objects.bulk_create(messages)
        publish_many((channels.of_room(message.room_id), events.posted(message)) for message in messages)
    return results


def tell_joined(*, room_id: int, username: str) -> None:
    """Tell the room that somebody came: live only."""
    publish_ephemeral(channels.of_room(room_id), events.PersonJoined(username=username, at=timezone.now()))


def tell_left(*, room_id: int, usernames: Iterable[str]) -> None:
    """Tell the room who left: live only."""
    for username in usernames:
        publish_ephemeral(channels.of_room(room_id), events.PersonLeft(username=username, at=timezone.now()))
