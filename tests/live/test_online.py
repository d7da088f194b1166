"""Who is online, counted over two web processes: people, not sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.support.live import LiveHub
from tests.support.sockets import TIMEOUT, Frame, SocketClient, connect

pytestmark = pytest.mark.any_database

ENDPOINT = "/ws/online/"


@asynccontextmanager
async def watched(web: str) -> AsyncIterator[tuple[SocketClient, int]]:
    """A guest who watches the count, and the count with them alone: that of other tests has to go first."""
    async with connect(web + ENDPOINT) as watcher:
        frame = await watcher.receive_json()
        assert set(frame) == {"type", "count"}
        if frame["count"] != 1:
            await watcher.receive_until(lambda frame: frame["count"] == 1)
        yield watcher, 1


async def counted(client: SocketClient, count: int) -> None:
    await client.receive_until(lambda frame: frame == {"type": "online_count", "count": count})


async def test_a_person_with_three_tabs_is_one_and_each_guest_is_one(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    session = hub.create_user(unique)
    async with watched(webs[0]) as (watcher, alone):
        async with AsyncExitStack() as stack:

            async def enter(web: str, session: str | None = None) -> SocketClient:
                return await stack.enter_async_context(connect(web + ENDPOINT, session=session))

            first = await enter(webs[1], session=session)
            await counted(first, alone + 1)
            await counted(watcher, alone + 1)
            tabs = [await enter(web, session=session) for web in (webs[0], webs[1])]
            for tab in tabs:
                assert (await tab.receive_json())["count"] == alone + 1
            await enter(webs[0])
            await counted(watcher, alone + 2)
            await enter(webs[1])
            await counted(watcher, alone + 3)
            await tabs[0].connection.close()
            await first.connection.close()
            await tabs[1].connection.close()  # only the last tab takes the person along
            await counted(watcher, alone + 2)
        await counted(watcher, alone)


async def test_one_person_is_the_same_with_a_session_and_with_a_token(
    hub: LiveHub, webs: list[str], unique: str
) -> None:
    session = hub.create_user(unique)
    async with watched(webs[0]) as (watcher, alone), connect(webs[0] + ENDPOINT, session=session):
        await counted(watcher, alone + 1)
        async with connect(webs[1] + ENDPOINT, token=hub.token(unique)) as script:
            assert (await script.receive_json())["count"] == alone + 1


async def test_updates_come_four_times_a_second_at_most_and_the_last_one_is_right(
    hub: LiveHub, webs: list[str]
) -> None:
    async with watched(webs[0]) as (watcher, alone):
        began = time.monotonic()

        async def churn(number: int) -> None:
            while time.monotonic() < began + 1.5:  # several times the pause between two counts
                async with connect(webs[number % 2] + ENDPOINT) as guest:
                    await guest.receive_json()

        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(churn(number))
        frames: list[Frame] = []
        with pytest.raises(AssertionError, match="No frame within"):  # until it is quiet
            while True:
                # The last count may be late on a busy machine, and is no reason to stop before it is there.
                is_last = bool(frames) and frames[-1]["count"] == alone
                frames.append(await watcher.receive_json(timeout=1.5 if is_last else TIMEOUT))
        took = time.monotonic() - began
        assert frames[-1]["count"] == alone
        assert len(frames) <= 4 * took + 1


@pytest.mark.parametrize("is_guest", [True, False])
async def test_page_that_is_loaded_again_changes_no_count_and_is_in_its_own_first_one(
    hub: LiveHub, webs: list[str], unique: str, is_guest: bool
) -> None:
    session = None if is_guest else hub.create_user(unique)
    async with watched(webs[0]) as (watcher, alone):
        async with connect(webs[0] + ENDPOINT, session=session):
            await counted(watcher, alone + 1)
        for web in (webs[0], webs[1], webs[1], webs[0]):
            async with connect(web + ENDPOINT, session=session) as page:
                assert (await page.receive_json())["count"] == alone + 1
        assert (await watcher.receive_json())["count"] == alone  # and nothing in between


async def test_a_client_that_closes_as_a_restarting_server_does_leaves_all_the_same(webs: list[str]) -> None:
    async with watched(webs[0]) as (watcher, alone):
        async with connect(webs[1] + ENDPOINT) as guest:
            await counted(watcher, alone + 1)
            await guest.connection.close(1012)
        await counted(watcher, alone)


async def test_a_client_that_vanishes_without_a_word_is_gone_at_once(webs: list[str]) -> None:
    async with watched(webs[0]) as (watcher, alone):
        async with connect(webs[1] + ENDPOINT) as guest:
            await counted(watcher, alone + 1)
            guest.connection.transport.abort()
        await counted(watcher, alone)


async def test_the_endpoint_takes_no_messages(webs: list[str]) -> None:
    async with connect(webs[0] + ENDPOINT) as guest:
        await guest.send_json({"message": "x"})
        assert (await guest.receive_type("error"))["code"] == "not_writable"
