"""Who may do what in a room: each method of the client connection, called by everybody who could.

A method that is not in the table fails the first test: say there what it does for whom.
"""

import json
from typing import Any, NamedTuple

import pytest
from asgiref.sync import sync_to_async

import hub.asgi  # noqa: F401  # registers the methods
from chat import actions
from chat.models import Message, Room
from hub.session.methods import methods
from tests.connection.wire import wired
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "what ann wrote"
PEOPLE = ("guest", "other", "staff", "member")


class Codes(NamedTuple):
    """The code of the error that each gets in a room: 0 where they get what they asked for."""

    guest: int = 0
    other: int = 0
    staff: int = 0
    member: int = 0


#: Of a private room others are told that it is not there.
CLOSED = Codes(404, 404, 404)

#: Method -> its parameters beside the room, and what comes of it in an open and in a private room.
RPC: dict[str, tuple[dict[str, Any], Codes, Codes]] = {
    "chat.room": ({}, Codes(), CLOSED),
    "chat.messages": ({}, Codes(), CLOSED),
    "chat.people": ({}, Codes(), CLOSED),
    "chat.post": ({"text": "hello"}, Codes(guest=401), CLOSED._replace(guest=401)),
    "chat.typing": ({}, Codes(guest=401), CLOSED._replace(guest=401)),
}


def test_each_method_of_the_chat_is_in_the_table() -> None:
    assert {name for name, one in methods().items() if one.method.__module__.startswith("chat")} == set(RPC)


def made(is_private: bool) -> tuple[Room, dict[str, User | None]]:
    people = {name: User.objects.create_user(name) for name in PEOPLE[1:]}
    people["staff"].is_staff = people["staff"].is_superuser = True
    people["staff"].save()
    room = Room.objects.create(name="den", is_private=is_private)
    if is_private:
        room.members.add(people["member"])
    actions.post_message(room_id=room.pk, author_id=people["member"].pk, text=SECRET)
    return room, {"guest": None, **people}


@pytest.mark.slow
@pytest.mark.parametrize("is_private", [False, True], ids=["open", "private"])
async def test_who_may_do_what_in_a_room(is_private: bool) -> None:
    room, people = await sync_to_async(made)(is_private)
    found: dict[str, list[int]] = {method: [] for method in RPC}
    for user in people.values():
        async with wired(user) as wire:
            for method, (more, *_codes) in RPC.items():
                before = await Message.objects.acount()
                said = await wire.ask(
                    rpc={
                        "method": method,
                        "data": {"name": "den"} if method == "chat.room" else {"room": room.pk, **more},
                    }
                )
                found[method].append(said.get("error", {}).get("code", 0))
                if "error" in said:
                    assert SECRET not in json.dumps(said)
                    assert await Message.objects.acount() == before
    assert {method: Codes(*codes) for method, codes in found.items()} == {
        method: codes[is_private] for method, (_more, *codes) in RPC.items()
    }
