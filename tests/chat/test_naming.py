"""Names of rooms, and of people in rooms."""

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import ValidationError
from django.test import Client

from chat import actions, queries
from chat.models import Message, Room
from hub.models import Publication
from hub.users import code_of, user_id
from tests.connection.wire import wired
from tests.support.people import User
from tests.support.sockets import open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "name", ["lоbby", "Lobby", "L0bby", "ｌｏｂｂｙ", "ſystem", "everyone", "Evеryone", "\u1160", "a\u3164"]
)
@pytest.mark.parametrize("way", ["page", "admin", "action"])
def test_name_that_looks_like_another_room_is_refused(
    client: Client, admin_client: Client, ann: User, name: str, way: str
) -> None:
    actions.create_room(name="lobby", creator=ann)
    if way == "action":
        with pytest.raises((ValidationError, actions.NameTaken)):
            actions.create_room(name=name, creator=ann)
    elif way == "page":
        client.force_login(ann)
        assert client.post("/chat/", {"name": name}).status_code == 422
    else:
        assert admin_client.post("/admin/hub_chat/room/add/", {"name": name}).status_code == 200
    assert Room.objects.count() == 1


def test_names_of_private_rooms_are_not_looked_at(ann: User) -> None:
    Room.objects.create(name="payroll", is_private=True)
    actions.create_room(name="pаyroll", creator=ann)
    assert Room.objects.count() == 2


def test_room_that_has_an_odd_name_goes_on(admin_client: Client, ann: User) -> None:
    for name in ("System", "lobby\u1160", "ﬀ"):
        room = Room.objects.create(name=name)
        assert queries.room_named(name, None) == room
        response = admin_client.post(f"/admin/hub_chat/room/{room.pk}/change/", {"name": name, "members": [ann.pk]})
        assert response.status_code == 302
        assert list(room.members.all()) == [ann]


@pytest.mark.parametrize(
    ("username", "shown"),
    [
        ("System", "System#{}"),
        ("Ѕystem", "Ѕystem#{}"),
        ("System\u1160", "System#{}"),
        ("\u1160", "#{}"),
        ("ann", "ann"),
    ],
    ids=ascii,
)
async def test_nobody_is_taken_for_the_hub(username: str, shown: str) -> None:
    odd = await User.objects.acreate_user(username)
    room = await Room.objects.acreate(name="lobby")
    expected = shown.format(code_of(user_id(odd)))
    session = await sync_to_async(session_cookie)(odd)
    reading = open_endpoint("/ws/chat/lobby/", headers={"accept-language": "en"})
    async with reading as reader, open_endpoint("/ws/chat/lobby/", session=session) as endpoint:
        notice = await reader.receive_json()
        assert (notice["username"], notice["notice"], notice["message"]) == (
            "System",
            "joined",
            f"{expected} joined the room",
        )
        await endpoint.send_json({"message": "hello"})
        message = await reader.receive_json()
        assert (message["username"], message["message"]) == (expected, "hello")
        assert "notice" not in message and "id" in message
    async with wired(odd) as wire:
        await wire.ask(subscribe={"channel": f"room:{room.pk}"})
        people = (await wire.ask(rpc={"method": "chat.people", "data": {"room": room.pk}}))["rpc"]["data"]["people"]
        assert people == [{"username": expected, "user_id": user_id(odd)}]
        await wire.ask(rpc={"method": "chat.typing", "data": {"room": room.pk}})
    assert (await Message.objects.aget()).username == expected
    assert f'"username":"{expected}"' in (await Publication.objects.aget(channel=f"room:{room.pk}")).data


@pytest.mark.parametrize("text", ["\u1160", "\u200b\u200b", " \u2060 ", "\u2800", "\ufe0f", "\u0301"], ids=ascii)
async def test_message_of_nothing_visible_is_refused(ann: User, text: str) -> None:
    room = await Room.objects.acreate(name="lobby")
    session = await sync_to_async(session_cookie)(ann)
    async with open_endpoint("/ws/chat/lobby/", session=session) as endpoint:
        await endpoint.send_json({"message": text})
        frame = await endpoint.receive_json()
        while frame["type"] != "error":
            frame = await endpoint.receive_json()
        assert frame["code"] == "message_required"
    async with wired(ann) as wire:
        reply = await wire.ask(rpc={"method": "chat.post", "data": {"room": room.pk, "text": text}})
        assert reply["error"]["code"] == 400
        reply = await wire.ask(publish={"channel": f"room:{room.pk}", "data": {"message": text}})
        assert reply["error"]["code"] == 107
    assert not await Message.objects.aexists()
