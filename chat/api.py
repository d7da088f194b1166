"""Rooms over HTTP: make and delete them, say who is in the private ones, write in them, read what was written."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from msgspec import Meta

from chat import actions, channels, events, queries
from chat.models import KEY_LIMIT, Room
from hub.access import revalidate
from hub.api import (
    ApiCall,
    ApiError,
    Code,
    Method,
    PageOfPeople,
    PageSize,
    PageWanted,
    PeopleChanged,
    Users,
    all_of,
    page_of_people,
    people_named,
    person_named,
    register,
)
from hub.channels import LAST_ID
from hub.database import in_database_thread
from hub.limits import TooMany
from hub.validation import BadMessage, is_storable

#: Messages of one answer, at most.
MESSAGES_LIMIT = 100

Id = Annotated[int, Meta(ge=1, le=LAST_ID)]
_WRITER = Meta(description="Whose message it is; without it, it is a notice of the hub's, `System`.")
_KEY = Meta(max_length=KEY_LIMIT, description=f"At most {KEY_LIMIT} characters: a message of one key is stored once.")
_ROOM_KEY = Meta(
    max_length=KEY_LIMIT,
    description=f"What your program calls the room, at most {KEY_LIMIT} characters: it is made once, and returned as "
    "it is when it is there.",
)


class RoomsRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read which rooms there are."""

    after: Annotated[int, Meta(ge=0, le=LAST_ID, description="Goes on behind this room.")] = 0
    limit: PageSize = 100


class ListedRoom(msgspec.Struct, kw_only=True):
    """A room. ``address`` stands in URLs."""

    id: int
    name: str
    address: str
    private: bool


class RoomsResult(msgspec.Struct):
    """Rooms in the order in which they were made. ``more``: there are others behind the last one."""

    rooms: list[ListedRoom]
    more: bool


class RoomCreateRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Make a room."""

    name: str
    private: bool = False
    members: Users = []
    key: Annotated[str, _ROOM_KEY] = ""


class RoomCreateResult(msgspec.Struct, kw_only=True):
    """The room. ``created``: it was not there before; a public room has its name for itself."""

    id: int
    address: str
    channel: str
    created: bool


class RoomRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that concerns a whole room."""

    room: Id


class RoomDeleted(msgspec.Struct):
    """The room is gone, and what was written in it."""


class RoomMembersRequest(PageWanted, kw_only=True, forbid_unknown_fields=True):
    """Read who may be in a private room."""

    room: Id


class RoomChangeRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Make people members of a private room, or no longer."""

    room: Id
    users: Users


class RoomPostRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Write in a room."""

    room: Id
    text: str
    user: Annotated[str, _WRITER] = ""
    key: Annotated[str, _KEY] = ""


class RoomPostResult(msgspec.Struct):
    """The stored message."""

    id: int
    at: datetime


class RoomMessagesRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read what was written in a room."""

    room: Id
    before: Id = LAST_ID
    limit: Annotated[int, Meta(ge=1, le=MESSAGES_LIMIT)] = 50


class RoomMessagesResult(msgspec.Struct):
    """Messages, oldest first. ``more``: there are older ones."""

    messages: list[events.MessagePosted]
    more: bool


async def read_all(call: ApiCall[RoomsRequest]) -> RoomsResult:
    """Private ones too."""
    all_of(call, channels.NAMESPACE)
    return await in_database_thread(_read_all, call.request)


def _read_all(request: RoomsRequest) -> RoomsResult:
    found = list(Room.objects.filter(pk__gt=request.after).order_by("pk")[: request.limit + 1])
    rooms = [
        ListedRoom(id=room.pk, name=room.name, address=room.address, private=room.is_private)
        for room in found[: request.limit]
    ]
    return RoomsResult(rooms, more=len(found) > request.limit)


async def create(call: ApiCall[RoomCreateRequest]) -> RoomCreateResult:
    """A public room that is there already is returned; without a key, each call makes another private one."""
    all_of(call, channels.NAMESPACE)
    return await in_database_thread(_create, call)


def _create(call: ApiCall[RoomCreateRequest]) -> RoomCreateResult:
    request = call.request
    members = people_named(call, request.members)
    if members and not request.private:
        raise ApiError(Code.BAD_REQUEST, "a public room has no members: everybody may be in it")
    if not is_storable(request.key):
        raise ApiError(Code.BAD_REQUEST, "key has characters that cannot be stored")
    try:
        room, created = actions.provide_room(
            name=request.name, is_private=request.private, members=members, key=request.key or None
        )
    except actions.NameTaken:
        raise ApiError(Code.BAD_REQUEST, "there is a public room of this name already") from None
    except ValidationError as error:
        raise ApiError(Code.BAD_REQUEST, " ".join(error.messages)) from None
    return RoomCreateResult(id=room.pk, address=room.address, channel=channels.of_room(room.pk), created=created)


async def delete(call: ApiCall[RoomRequest]) -> RoomDeleted:
    """With all messages; who is in it is put out."""
    await in_database_thread(lambda: _room(call).delete())
    return RoomDeleted()


async def read_members(call: ApiCall[RoomMembersRequest]) -> PageOfPeople:
    """Of a private room, in the order of their keys."""
    return await in_database_thread(_read_members, call)


def _read_members(call: ApiCall[RoomMembersRequest]) -> PageOfPeople:
    return page_of_people(*queries.rows_of_members(_room(call).pk), call.request)


async def add(call: ApiCall[RoomChangeRequest]) -> PeopleChanged:
    """They may read and write from now on."""
    return PeopleChanged(await in_database_thread(_change, call, remove=False))


async def remove(call: ApiCall[RoomChangeRequest]) -> PeopleChanged:
    """Their connections leave the room within about a second."""
    return PeopleChanged(await in_database_thread(_change, call, remove=True))


def _change(call: ApiCall[RoomChangeRequest], *, remove: bool) -> int:
    people = people_named(call, call.request.users)
    room = _room(call)
    if not room.is_private:
        raise ApiError(Code.BAD_REQUEST, "a public room has no members: everybody may be in it")
    before = set(queries.keys_of_members(room.pk))
    with transaction.atomic():
        if remove:
            room.members.remove(*people)
        else:
            room.members.add(*people)
            revalidate(users=[person.pk for person in people if person.pk not in before])
    return sum((person.pk in before) == remove for person in people)


async def post(call: ApiCall[RoomPostRequest]) -> RoomPostResult:
    """Stored when it is answered; everybody in the room gets it."""
    request = call.request
    call.channel(channels.of_room(request.room))
    try:
        if not is_storable(request.key):
            raise ApiError(Code.BAD_REQUEST, "key has characters that cannot be stored")
        return await in_database_thread(_post, call)
    except BadMessage as error:
        raise ApiError(Code.BAD_REQUEST, str(error)) from None
    except TooMany as refusal:
        raise ApiError(Code.TOO_MANY_REQUESTS, refusal.sentence, retry_after=refusal.retry_after) from None
    except (actions.NotSignedIn, actions.NoSuchRoom) as refusal:
        raise ApiError(Code.BAD_REQUEST, str(refusal)) from None


def _post(call: ApiCall[RoomPostRequest]) -> RoomPostResult:
    request = call.request
    text = request.text
    key = request.key or None
    if request.user:
        author = person_named(call, request.user)
        message = actions.post_message(room_id=request.room, author_id=author.pk, text=text, key=key)
    else:
        message = actions.post_notice(room_id=request.room, text=text, key=key)
    return RoomPostResult(message.pk, message.created_at)


async def read_messages(call: ApiCall[RoomMessagesRequest]) -> RoomMessagesResult:
    """The newest, or those before one of them."""
    return await in_database_thread(_read_messages, call)


def _read_messages(call: ApiCall[RoomMessagesRequest]) -> RoomMessagesResult:
    request = call.request
    found = queries.messages_before(_room(call).pk, request.before, request.limit + 1)
    return RoomMessagesResult(events.all_posted(found[-request.limit :]), len(found) > request.limit)


def _room(call: ApiCall[Any]) -> Room:
    call.channel(channels.of_room(call.request.room))
    room = Room.objects.filter(pk=call.request.room).first()
    if room is None:
        raise ApiError(Code.BAD_REQUEST, "there is no such room")
    return room


_SOMEBODY = {"room": 7, "users": ["42"]}
_ORDER = {"name": "order-7", "private": True, "members": ["42", "43"], "key": "order:7"}
_SHIPPED = {"room": 7, "user": "42", "text": "The parcel is on its way", "key": "shipped:7"}
_ROOM = {"room": 7}

for method in (
    Method(
        "rooms",
        RoomsRequest,
        RoomsResult,
        read_all,
        "Read which rooms there are.",
        {"limit": 100},
        also=("GET", "rooms"),
    ),
    Method("room_create", RoomCreateRequest, RoomCreateResult, create, "Make a room.", _ORDER),
    Method("room_delete", RoomRequest, RoomDeleted, delete, "Delete a room and its messages.", _ROOM),
    Method("room_members", RoomMembersRequest, PageOfPeople, read_members, "Read who may be in a room.", _ROOM),
    Method("room_add", RoomChangeRequest, PeopleChanged, add, "Make people members of a room.", _SOMEBODY),
    Method("room_remove", RoomChangeRequest, PeopleChanged, remove, "Take members out of a room.", _SOMEBODY),
    Method("room_post", RoomPostRequest, RoomPostResult, post, "Write in a room, or say a notice.", _SHIPPED),
    Method("room_messages", RoomMessagesRequest, RoomMessagesResult, read_messages, "Read messages.", _ROOM),
):
    register(method)
