"""The online count of one process; over several it is in ``tests/live``."""

from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from hub import presence, relay
from hub.streams import Item
from presence import events
from tests.support.sockets import Door, Frame, open_door, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def parts_end_with_the_test() -> AsyncIterator[None]:
    yield
    await presence.close()
    await relay.close()


async def until_count(door: Door, count: int) -> None:
    frame: Frame = {}
    while frame.get("count") != count:
        frame = await door.receive_json()


async def test_the_count_comes_on_connect_and_on_change_and_never_twice_in_a_row() -> None:
    session = await sync_to_async(lambda: session_cookie(User.objects.create_user("ann")))()
    async with open_door("/ws/online/") as guest:
        assert await guest.receive_json() == {"type": "online_count", "count": 1}
        async with open_door("/ws/online/", session=session):
            assert await guest.receive_json() == {"type": "online_count", "count": 2}
            async with open_door("/ws/online/", session=session) as second_tab:
                await until_count(second_tab, 2)
                await guest.receive_nothing()
            await guest.receive_nothing()
        assert await guest.receive_json() == {"type": "online_count", "count": 1}


@pytest.mark.parametrize("data", ['{"type":"somebody.else_did"}', '{"type":"presence.online_counted"}', "[]", "", "{"])
def test_a_publication_of_another_kind_is_not_shown(data: str) -> None:
    assert events.plain_frame(Item("online", "", 0, data)) is None


def test_the_count_is_shown_as_documented() -> None:
    frame = events.plain_frame(Item("online", "", 0, '{"type":"presence.online_counted","count":7}'))
    assert frame == '{"type":"online_count","count":7}'
