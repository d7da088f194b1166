"""``/ws/chat/<room_name>/`` of a room that nobody has made."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from chat.models import Room
from tests.support.people import User
from tests.support.sockets import open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def session(ann: User) -> str:
    return await sync_to_async(session_cookie)(ann)


@pytest.fixture(autouse=True)
def on(settings: Settings) -> None:
    settings.HUB_OPEN_ROOMS_BY_CONNECTING = True


async def ended(name: str, session: str | None) -> int:
    async with open_endpoint(f"/ws/chat/{name}/", session=session) as endpoint:
        return await endpoint.close_code()


async def test_who_may_opens_it_by_connecting_and_writes_in_it(ann: User, session: str) -> None:
    async with open_endpoint("/ws/chat/комната/", session=session) as endpoint:
        await endpoint.send_json({"message": "hello"})
        while (await endpoint.receive_json())["message"] != "hello":
            pass
        async with open_endpoint("/ws/chat/комната/") as guest:
            await endpoint.send_json({"message": "again"})
            while (await guest.receive_json())["message"] != "again":
                pass
    room = await Room.objects.aget()
    assert (room.name, room.created_by_id, room.is_private) == ("комната", ann.pk, False)


@pytest.mark.slow
async def test_those_who_come_at_once_are_in_one_room(session: str) -> None:
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(said(session))
    assert await Room.objects.acount() == 1


async def said(session: str) -> None:
    async with open_endpoint("/ws/chat/together/", session=session) as endpoint:
        await endpoint.send_json({"message": "x"})
        while (await endpoint.receive_json())["message"] != "x":
            pass


@pytest.mark.parametrize("name", ["a b", "x" * 65, "system", "lоbby", "\u1160", "a~1"], ids=ascii)
async def test_name_that_no_room_can_have_is_refused(session: str, name: str) -> None:
    await Room.objects.acreate(name="lobby")
    assert await ended(name, session) == 4404
    assert await Room.objects.acount() == 1


async def test_guests_open_nothing(settings: Settings) -> None:
    assert await ended("new", None) == 4404
    assert not await Room.objects.aexists()


async def test_settings_say_no(settings: Settings, session: str) -> None:
    settings.HUB_ROOM_CREATION = "staff"
    assert await ended("new", session) == 4404
    settings.HUB_ROOM_CREATION, settings.HUB_OPEN_ROOMS_BY_CONNECTING = "authenticated", False
    assert await ended("new", session) == 4404
    assert not await Room.objects.aexists()


async def test_rooms_that_are_opened_so_count(settings: Settings, session: str) -> None:
    settings.HUB_LIMIT_ROOMS = "2/hour"
    for name in ("one", "two"):
        async with open_endpoint(f"/ws/chat/{name}/", session=session) as endpoint:
            await endpoint.receive_json()
    assert await ended("three", session) == 4429
    assert await Room.objects.acount() == 2


async def test_room_that_is_deleted_is_not_opened_again_by_who_was_in_it(session: str) -> None:
    async with open_endpoint("/ws/chat/new/", session=session) as endpoint:
        await endpoint.receive_json()
        await Room.objects.all().adelete()
        assert await endpoint.close_code() == 4404
    assert not await Room.objects.aexists()
