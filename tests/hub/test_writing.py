"""Writing to sockets: what must hold whether frames go through ASGI's ``send`` or straight to the connection."""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from hub import lifespan, relay, streams
from hub.frames import text_frame
from hub.models import Publication
from hub.publishing import apublish, publish_many
from hub.sockets.codes import Close
from hub.streams import Item
from hub.threads import in_database_thread
from notifications import anotify
from rig.redis_server import RedisServer
from rig.waiting import await_for
from tests.hub.following import Listener, follow
from tests.hub.serving import SERVERS, RawClient, serving
from tests.support.sockets import connect

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = pytest.mark.parametrize("ws", SERVERS)


def server(ws: str) -> contextlib.AbstractAsyncContextManager[str]:
    return serving(**SERVERS[ws])


def listening(address: str) -> contextlib.AbstractAsyncContextManager[RawClient]:
    return RawClient.connected(address, "/ws/notifications/")


@pytest.fixture(autouse=True)
async def running() -> AsyncIterator[None]:
    yield
    await lifespan.end()


async def test_raw_and_plain_writers_give_the_same_bytes() -> None:
    async with contextlib.AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(server(ws)) for ws in SERVERS]
        clients = [await stack.enter_async_context(listening(address)) for address in addresses]
        for size in (1, 100, 125, 4000):
            await anotify(to="everyone", message="é" * size)
        received = [b"".join([(await client.frame())[2] for _ in range(4)]) for client in clients]
        assert received[0] == received[1] == received[2]
        assert received[0].count(b'"type":"notification"') == 4


@KINDS
async def test_the_order_is_exact_for_one_who_follows_several_channels(ws: str, admin_user: Any) -> None:
    token = await in_database_thread(_token, admin_user)
    async with server(ws) as address, connect(f"ws://{address}/ws/notifications/", token=token) as socket:
        # In one transaction: all of them arrive in one turn of the loop.
        texts = {f"{number}": ("everyone", f"user:{admin_user.pk}")[number % 2] for number in range(60)}
        await in_database_thread(publish_many, [(channel, _alert(text)) for text, channel in texts.items()])
        got = [await socket.receive_json() for _ in texts]
        for channel in ("everyone", f"user:{admin_user.pk}"):
            mine = [frame for frame in got if frame["channel"] == channel]
            assert [frame["offset"] for frame in mine] == list(range(1, 31))
            assert [frame["message"] for frame in mine] == [text for text, named in texts.items() if named == channel]


async def test_items_of_two_channels_keep_the_order_in_which_they_came() -> None:
    listener = Listener()
    for channel in ("room:1", "room:2"):
        await follow(channel, listener)
    for number in range(1, 6):
        for channel in ("room:1", "room:2"):
            relay.current().deliver(Item(channel, "aa", number, f"{channel}.{number}"))
    await listener.got(*(f"{channel}.{number}" for number in range(1, 6) for channel in ("room:1", "room:2")))


@KINDS
async def test_a_client_that_does_not_read_is_closed_and_recovers_and_others_notice_nothing(
    ws: str, settings: Settings
) -> None:
    settings.HUB_WRITE_BUFFER = 64 * 1024
    count = 400
    async with server(ws) as address, contextlib.AsyncExitStack() as stack:
        slow = await stack.enter_async_context(listening(address))
        async with connect(f"ws://{address}/ws/notifications/") as quick:
            texts = ["x" * 3000 + str(number) for number in range(count)]
            for start in range(0, count, 10):
                batch = [("everyone", _alert(text)) for text in texts[start : start + 10]]
                await in_database_thread(publish_many, batch)
                for text in texts[start : start + 10]:
                    assert (await socket_message(quick)) == text
        frames = await _frames_until_close(slow)
        offsets = [json.loads(payload)["offset"] for opcode, payload in frames if opcode == 1]
        assert offsets == list(range(1, len(offsets) + 1)), "what came before the close is whole and in order"
        assert len(offsets) < count, "it was too slow for all of them"
        opcode, payload = frames[-1]
        assert (opcode, int.from_bytes(payload[:2], "big")) == (8, Close.TOO_SLOW)
        epoch = (await in_database_thread(streams.positions, ["everyone"]))["everyone"].epoch
        settings.HUB_RECOVERY_LIMIT = count
        since = f"everyone@{epoch}.{offsets[-1] if offsets else 0}"
        async with connect(f"ws://{address}/ws/notifications/?since={since}") as back:
            assert (await back.receive_json())["recovered"] is True
            assert [await socket_message(back) for _ in texts[len(offsets) :]] == texts[len(offsets) :]


async def socket_message(socket: Any) -> str:
    message: str = (await socket.receive_json())["message"]
    return message


async def _frames_until_close(client: RawClient) -> list[tuple[int, bytes]]:
    frames: list[tuple[int, bytes]] = []
    while not frames or frames[-1][0] != 8:
        opcode, payload, _ = await client.frame()
        frames.append((opcode, payload))
    return frames


async def test_no_frame_follows_a_close_frame() -> None:
    async with serving() as address, listening(address) as client:
        publishing = asyncio.create_task(_publish_for_ever())
        await client.frame()
        await client.send(8, (1000).to_bytes(2, "big"))  # the client says goodbye in the middle of it
        received = await client.rest()
        publishing.cancel()
        # The server's answer, an empty-reason close of 1000, ends the stream.
        assert received.endswith(b"\x88\x02\x03\xe8")


async def _publish_for_ever() -> None:
    while True:
        await apublish("everyone", _alert("again"))


async def test_text_that_is_not_utf8_ends_the_socket_with_1007_and_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving() as address, listening(address) as client:
            await client.send(1, b"\xff\xfe")
            opcode, payload, _ = await client.frame()
            assert (opcode, int.from_bytes(payload[:2], "big")) == (8, 1007)
    assert not [record for record in caplog.records if record.exc_info]


async def test_redis_commands_do_not_depend_on_the_number_of_sockets(redis_server: RedisServer) -> None:
    def commands() -> dict[str, int]:
        stats = redis_server.client.info("commandstats")
        # What a connection says about itself, and the question of this test, are not work for publications.
        own = {"hello", "client", "client|setinfo", "ping", "info", "flushall", "config", "config|resetstat"}
        calls = {name.removeprefix("cmdstat_"): int(stat["calls"]) for name, stat in stats.items()}
        return {name: count for name, count in calls.items() if name not in own}

    async with serving() as address, contextlib.AsyncExitStack() as stack:
        for more in (1, 40):
            sockets = [await stack.enter_async_context(listening(address)) for _ in range(more)]
            redis_server.client.config_resetstat()
            for number in range(20):
                await apublish("everyone", _alert(str(number)))
            for socket in sockets:
                for _ in range(20):
                    await socket.frame()
            await await_for(lambda: commands().get("publish") == 20, that="the layer has been told of all")
            assert commands() == {"publish": 20}


async def test_database_threads_that_are_all_busy_do_not_stop_live_delivery(settings: Settings) -> None:
    settings.HUB_DATABASE_THREADS = 2
    from hub import threads
    from hub.channels import group_name
    from hub.events import pack
    from hub.layer import layer

    threads.close_all()
    release = threading.Event()
    try:
        async with serving() as address, connect(f"ws://{address}/ws/notifications/") as socket:
            await apublish("everyone", _alert("first"))
            await socket.receive_json()
            await in_database_thread(streams.append, [("everyone", json.dumps(_alert("second")))])
            (item,) = await in_database_thread(streams.sequence, ["everyone"])
            busy = [asyncio.create_task(in_database_thread(release.wait, 10)) for _ in range(4)]
            await asyncio.sleep(0)
            await layer().group_send(group_name("everyone"), pack(item))  # as another process announces it
            assert (await socket.receive_json(timeout=2))["message"] == "second"
            release.set()
            await asyncio.gather(*busy)
    finally:
        release.set()
    assert await Publication.objects.acount() == 2


def test_a_frame_built_once_is_the_frame_each_client_gets() -> None:
    assert text_frame("{}") == b"\x81\x02{}"


def _alert(text: str) -> dict[str, Any]:
    return {
        "type": "notifications.notification_created",
        "id": 1,
        "message": text,
        "title": "",
        "level": "info",
        "url": "",
        "at": "2026-01-01T00:00:00Z",
    }


def _token(user: Any) -> str:
    from accounts.tokens import issue

    return issue(user)


async def test_a_position_of_a_channel_without_stream_recovers_from_the_beginning() -> None:
    async with serving() as address:
        await apublish("everyone", _alert("first"))
        async with connect(f"ws://{address}/ws/notifications/?since=everyone@.0") as socket:
            assert (await socket.receive_json())["recovered"] is True
            assert await socket_message(socket) == "first"


async def test_bytes_that_are_no_text_after_the_servers_close_frame_change_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving() as address, RawClient.connected(address, "/ws/nowhere/") as client:
            opcode, payload, _ = await client.frame()
            assert (opcode, int.from_bytes(payload[:2], "big")) == (8, Close.NOT_FOUND)
            await client.send(1, b"\xff\xfe")
            await client.send(8, payload)
            assert await client.rest() == b""
    assert not [record for record in caplog.records if record.exc_info]
