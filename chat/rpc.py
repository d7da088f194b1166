"""RPC methods of rooms, for client connections."""

from datetime import datetime
from typing import Annotated

import msgspec
from django.utils.translation import gettext as _
from msgspec import Meta

from chat import actions, channels, events, namespaces, posting, queries
from chat.actions import Draft
from chat.models import KEY_LIMIT
from chat.people import named
from chat.throttle import Throttle
from hub import presence, streams
from hub.channels import LAST_ID, allows
from hub.database import in_database_thread
from hub.session import Nothing, RpcCall, RpcError, StreamPosition, rpc
from hub.users import User
from hub.validation import is_storable, message_in

#: Messages of one answer, and names of people, at most.
PAGE_LIMIT = 100
PEOPLE_LIMIT = 100

#: Seconds between two notices that the same client is writing.
TYPING_PAUSE = 2.0

Id = Annotated[int, Meta(ge=1, le=LAST_ID)]
Limit = Annotated[int, Meta(ge=1, le=PAGE_LIMIT)]


class FindRoom(msgspec.Struct):
    """A room by the name that people call it."""

    name: str


class InRoom(msgspec.Struct):
    """Something that concerns a whole room."""

    room: Id


class ListMessages(msgspec.Struct):
    """A page of a room's messages; ``before`` goes on behind the first one of another page."""

    room: Id
    before: Id = LAST_ID
    limit: Limit = 50


class ListMessagesByName(msgspec.Struct):
    """:class:`ListMessages` of the room that people call ``name``."""

    name: str
    before: Id = LAST_ID
    limit: Limit = 50


class PostMessage(msgspec.Struct):
    """A message; with a ``key`` it may be sent again, and is stored once."""

    room: Id
    text: str
    key: Annotated[str, Meta(max_length=KEY_LIMIT)] = ""


class FoundRoom(msgspec.Struct):
    """A room, as far as its clients need to know it."""

    id: int
    name: str
    channel: str
    may_write: bool


class MessagePage(msgspec.Struct):
    """Messages, oldest first. ``more``: there are older ones. ``position`` was read before them."""

    items: list[events.MessagePosted]
    more: bool
    position: StreamPosition


class Posted(msgspec.Struct):
    """The stored message."""

    id: int
    at: datetime


class Person(msgspec.Struct):
    """Somebody in a room."""

    username: str
    user_id: str


class People(msgspec.Struct):
    """Who is in a room; ``count`` is of all, also where ``people`` has not all of them."""

    people: list[Person]
    count: int


_typing = Throttle(TYPING_PAUSE)


@rpc("chat.room")
def find_room(call: RpcCall, params: FindRoom) -> FoundRoom:
    """What a client needs to know of a room before it subscribes to its channel."""
    room = queries.room_named(params.name, call.user.pk)
    if room is None:
        raise actions.NoSuchRoom
    may_write = call.user.is_authenticated
    return FoundRoom(id=room.pk, name=room.name, channel=channels.of_room(room.pk), may_write=may_write)


@rpc("chat.messages")
def list_messages(call: RpcCall, params: ListMessages) -> MessagePage:
    """The oldest first; ``position`` is the one to go on live from."""
    if not queries.may_be_in(params.room, call.user.pk):
        raise actions.NoSuchRoom
    return _messages(params.room, params.before, params.limit)


def list_messages_by_name(call: RpcCall, params: ListMessagesByName) -> MessagePage:
    """:func:`list_messages` for who knows only the name."""
    room = queries.room_named(params.name, call.user.pk)
    if room is None:
        raise actions.NoSuchRoom
    return _messages(room.pk, params.before, params.limit)


@rpc("chat.post")
async def post(call: RpcCall, params: PostMessage) -> Posted:
    """Stored when it is answered; everybody in the room, the author too, gets it as a publication with its ``key``."""
    text = message_in({"message": params.text})
    if not is_storable(params.key):
        raise RpcError(400, _("The key has characters that cannot be stored"))
    message = await posting.post(Draft(params.room, call.user.pk, text, params.key or None))
    return Posted(id=message.pk, at=message.created_at)


@rpc("chat.typing")
async def typing(call: RpcCall, params: InRoom) -> Nothing:
    """Others in the room are told, at most every :data:`TYPING_PAUSE` seconds; what comes sooner is let go."""
    if not isinstance(call.user, User):
        raise actions.NotSignedIn
    if _typing.lets(call.client):
        if not await allows(namespaces.ROOM.can_publish, call.user, {"id": params.room}):
            raise actions.NoSuchRoom
        actions.tell_typing(room_id=params.room, person=named(call.user))
    return Nothing()


@rpc("chat.people")
async def list_people(call: RpcCall, params: InRoom) -> People:
    """Who is in the room, by name; ``count`` is of all, also where there are more names than are sent."""
    if not await allows(namespaces.ROOM.can_see_presence, call.user, {"id": params.room}):
        raise actions.NoSuchRoom
    here = await presence.current().people(channels.of_room(params.room))
    people = [person for person in here if not person.startswith(presence.GUEST)]
    found = await in_database_thread(queries.people_named, people[:PEOPLE_LIMIT])
    found.sort(key=lambda person: (person.username.casefold(), person.user_id))
    return People(people=[Person(*person) for person in found], count=len(people))


def _messages(room_id: int, before: int, limit: int) -> MessagePage:
    channel = channels.of_room(room_id)
    # The position first: a message that comes in between is then in both, and clients show it once.
    position = streams.positions([channel])[channel]
    found = queries.messages_before(room_id, before, limit + 1)
    return MessagePage(
        items=events.all_posted(found[-limit:]),
        more=len(found) > limit,
        position=StreamPosition(position.epoch, position.offset),
    )
