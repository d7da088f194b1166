"""The online count of one process; over several it is in ``tests/live``."""

from collections.abc import Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from hub.access.reasons import End
from hub.streams import Envelope
from presence import events
from presence.consumers import OnlineEndpoint
from tests.support.people import User
from tests.support.sockets import Endpoint, Frame, open_endpoint, session_cookie

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


async def until_count(endpoint: Endpoint, count: int) -> None:
    frame: Frame = {}
    while frame.get("count") != count:
        frame = await endpoint.receive_json()


@pytest.mark.slow
async def test_the_count_comes_on_connect_and_on_change_and_never_twice_in_a_row() -> None:
    session = await sync_to_async(lambda: session_cookie(User.objects.create_user("ann")))()
    async with open_endpoint("/ws/online/") as guest:
        assert await guest.receive_json() == {"type": "online_count", "count": 1}
        async with open_endpoint("/ws/online/", session=session):
            assert await guest.receive_json() == {"type": "online_count", "count": 2}
            async with open_endpoint("/ws/online/", session=session) as second_tab:
                await until_count(second_tab, 2)
                await guest.receive_nothing()
            await guest.receive_nothing()
        assert await guest.receive_json() == {"type": "online_count", "count": 1}


@pytest.mark.parametrize("data", ['{"type":"somebody.else_did"}', '{"type":"presence.online_counted"}', "[]", "", "{"])
def test_a_publication_of_another_kind_is_not_shown(data: str) -> None:
    assert events.plain_frame(Envelope("online", "", 0, data)) is None


def test_the_count_is_shown_as_documented() -> None:
    frame = events.plain_frame(Envelope("online", "", 0, '{"type":"presence.online_counted","count":7}'))
    assert frame == '{"type":"online_count","count":7}'


@pytest.mark.slow
async def test_one_whose_serving_fails_is_not_online_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(self: OnlineEndpoint, event: Mapping[str, Any]) -> None:
        raise RuntimeError("a fault of ours")

    async with open_endpoint("/ws/online/") as watcher:
        await until_count(watcher, 1)
        with monkeypatch.context() as patched:
            patched.setattr(OnlineEndpoint, "_receive", fails)
            with pytest.raises(RuntimeError, match="a fault of ours"):
                async with open_endpoint("/ws/online/") as endpoint:
                    await until_count(watcher, 2)
                    await endpoint.send("x")
                    await endpoint.receive_json()
                    await endpoint.receive_json()
        await until_count(watcher, 1)


@pytest.mark.parametrize("path", ["/ws/online/?token=", "/ws/online/?token=nonsense"])
async def test_a_token_that_is_empty_or_wrong_makes_nobody_a_guest(path: str) -> None:
    async with open_endpoint(path) as endpoint:
        assert await endpoint.close_code() == End.BAD_TOKEN.simple
