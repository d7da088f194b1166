"""Rooms over HTTP."""

import pytest
from asgiref.sync import sync_to_async

from chat.actions import create_room
from chat.models import Message, Room
from hub.models import Publication
from hub.users import user_id
from tests.api.calling import Api, key_for
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def ada() -> str:
    return user_id(await User.objects.acreate_user("ada"))


@pytest.fixture
async def bob() -> str:
    return user_id(await User.objects.acreate_user("bob"))


@pytest.mark.slow
async def test_private_room_has_the_members_that_it_is_given(api: Api, ada: str, bob: str) -> None:
    made = await api.result("room_create", name="order-7", private=True, members=[ada])
    room = made["id"]
    assert (made["channel"], made["address"], made["created"]) == (f"room:{room}", f"order-7~{room}", True)
    assert await api.result("room_members", room=room) == {"users": [ada]}
    assert await api.result("room_add", room=room, users=[ada, bob]) == {"changed": 1}
    assert await api.result("room_remove", room=room, users=[ada]) == {"changed": 1}
    assert await api.result("room_members", room=room) == {"users": [bob]}
    assert await api.error("room_post", room=room, user=ada, text="may I?") == 107
    await api.result("room_post", room=room, user=bob, text="I may")
    assert await Publication.objects.filter(channel="control", data__contains=f"room:{room}").aexists()


async def test_public_room_is_made_once(api: Api, ada: str) -> None:
    first = await api.result("room_create", name="lobby")
    again = await api.result("room_create", name="lobby")
    assert (first["created"], again["created"], again["id"]) == (True, False, first["id"])
    assert await api.error("room_create", name="lobby", members=[ada]) == 107
    assert await api.error("room_add", room=first["id"], users=[ada]) == 107
    assert await api.error("room_create", name="a b") == 107
    listed = await api.result("rooms", limit=1)
    assert listed["rooms"] == [{"id": first["id"], "name": "lobby", "address": "lobby", "private": False}]


@pytest.mark.slow
async def test_room_with_a_key_is_made_once(api: Api, ada: str, bob: str) -> None:
    order = {"name": "order-7", "private": True, "key": "order:7"}
    first = await api.result("room_create", **order, members=[ada])
    again = await api.result("room_create", **order, members=[bob])
    assert (again["id"], again["created"]) == (first["id"], False)
    assert await api.result("room_members", room=first["id"]) == {"users": [ada]}
    other = await api.result("room_create", name="order-7", private=True)
    assert other["created"] and other["id"] != first["id"]
    await api.result("room_create", name="lobby")
    assert await api.error("room_create", name="lobby", key="lobby") == 107
    assert await api.error("room_create", name="x", key="\0") == 107
    assert await api.error("room_create", name="x", key="k" * 65) == 107


async def test_message_is_stored_once_for_its_author(api: Api, ada: str) -> None:
    room = (await api.result("room_create", name="lobby"))["id"]
    one = await api.result("room_post", room=room, user=ada, text="Hello", key="k")
    assert await api.result("room_post", room=room, user=ada, text="Hello again", key="k") == one
    (message,) = (await api.result("room_messages", room=room))["messages"]
    assert (message["text"], message["username"], message["key"]) == ("Hello", "ada", "k")


async def test_notice_is_of_the_hub_and_stored_once(api: Api) -> None:
    room = (await api.result("room_create", name="order", private=True))["id"]
    one = await api.result("room_post", room=room, text="The parcel left", key="shipped")
    assert await api.result("room_post", room=room, text="The parcel left", key="shipped") == one
    message = await Message.objects.aget()
    assert (message.username, message.author_id, message.text) == ("System", None, "The parcel left")
    assert await Publication.objects.filter(channel=f"room:{room}", data__contains='"System"').acount() == 1


async def test_messages_are_read_page_by_page(api: Api) -> None:
    room = (await api.result("room_create", name="lobby"))["id"]
    for number in range(3):
        await api.result("room_post", room=room, text=str(number))
    page = await api.result("room_messages", room=room, limit=2)
    assert ([one["text"] for one in page["messages"]], page["more"]) == (["1", "2"], True)
    older = await api.result("room_messages", room=room, before=page["messages"][0]["id"])
    assert ([one["text"] for one in older["messages"]], older["more"]) == (["0"], False)


@pytest.mark.parametrize("text", ["", " ", "x" * 4001, "\0"])
async def test_what_is_no_message_is_refused(api: Api, text: str) -> None:
    room = (await api.result("room_create", name="lobby"))["id"]
    assert await api.error("room_post", room=room, text=text) == 107
    assert not await Message.objects.aexists()


async def test_room_is_deleted_with_its_messages(api: Api) -> None:
    room = (await api.result("room_create", name="lobby"))["id"]
    await api.result("room_post", room=room, text="Hello")
    await api.result("room_delete", room=room)
    assert not await Room.objects.aexists() and not await Message.objects.aexists()
    assert await api.error("room_messages", room=room) == 107
    assert await api.error("room_post", room=room, text="Hello") == 107


async def test_key_for_one_room_writes_in_that_one_only(api: Api, ada: str) -> None:
    person = await User.objects.aget()
    here, there = [(await sync_to_async(create_room)(name=name, creator=person)).pk for name in ("here", "there")]
    limited = Api(await sync_to_async(key_for)(channels=(f"room:{here}",)))
    await limited.result("room_post", room=here, text="a notice")
    assert await limited.error("room_post", room=there, text="a notice") == 103
    assert await limited.error("room_post", room=here, user=ada, text="in her name") == 103
    assert await limited.error("room_messages", room=there) == 103
    assert await limited.error("room_messages", room=10**9) == 103
    assert await limited.error("room_create", name="new") == 103
    assert await limited.error("rooms") == 103
