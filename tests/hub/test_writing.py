"""Writing to sockets: what must hold whether frames go through ASGI's ``send`` or straight to the connection."""

import asyncio
import contextlib
import json
import logging
import threading
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from hub import streams
from hub.access import control, registry
from hub.access.reasons import End
from hub.database.threads import in_database_thread
from hub.endpoints.centrifuge.client import Client
from hub.endpoints.centrifuge.websocket import WebSocket
from hub.fanout import relay
from hub.fanout.frames import BATCH_WRITE_LIMIT, FrameBatch, text_frame
from hub.models import Publication
from hub.publishing import apublish, publish_many
from hub.streams import Envelope
from hub.transports import writer
from hub.transports.unread import UnreadAnswers
from hub.transports.writer import Ends, SendBuffer
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for
from notifications import anotify
from tests.hub.listeners import Listener, follow
from tests.hub.serving import SERVERS, RawClient, serving
from tests.hub.slow_reader import SlowReader
from tests.support.people import User
from tests.support.sockets import connect

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

KINDS = pytest.mark.parametrize("ws", SERVERS)
RAW = pytest.mark.parametrize("ws", ["lean", "raw"])


def server(ws: str) -> contextlib.AbstractAsyncContextManager[str]:
    return serving(**SERVERS[ws])


def listening(address: str) -> contextlib.AbstractAsyncContextManager[RawClient]:
    return RawClient.connected(address, "/ws/notifications/")


@pytest.fixture(autouse=True)
def redis_is_waited_for(settings: Settings) -> None:
    settings.HUB_REDIS_TIMEOUT = 10  # that Redis does not answer in time says how busy the machine is


@pytest.mark.slow
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
    epoch = (await in_database_thread(streams.begin, ["room:1"]))["room:1"].epoch
    for number in range(1, 6):
        for channel in ("room:1", "room:2"):
            relay.current().deliver(Envelope(channel, epoch, number, f"{channel}.{number}"))
    await listener.got(*(f"{channel}.{number}" for number in range(1, 6) for channel in ("room:1", "room:2")))


@pytest.mark.slow
@KINDS
async def test_a_client_that_does_not_read_is_closed_and_recovers_and_others_notice_nothing(
    ws: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It begins to read when the other one has everything, however long that takes: the close frame is still to come.
    monkeypatch.setattr("hub.server.protocol.CLOSE_TIMEOUT", 60.0)
    monkeypatch.setattr("hub.transports.writer.CLOSE_TIMEOUT", 60.0)
    settings.HUB_WRITE_BUFFER = 64 * 1024
    count = 400
    before = _closed(End.SLOW.simple)
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
        assert (opcode, int.from_bytes(payload[:2], "big")) == (8, End.SLOW.simple)
        assert _closed(End.SLOW.simple) == before + 1
        epoch = (await in_database_thread(streams.positions, ["everyone"]))["everyone"].epoch
        settings.HUB_RECOVERY_LIMIT = count
        since = f"everyone@{epoch}.{offsets[-1] if offsets else 0}"
        async with connect(f"ws://{address}/ws/notifications/?since={since}") as back:
            assert (await back.receive_json())["recovered"] is True
            assert [await socket_message(back) for _ in texts[len(offsets) :]] == texts[len(offsets) :]


def _closed(code: int) -> float:
    return REGISTRY.get_sample_value("hub_sockets_closed_total", {"code": str(int(code))}) or 0


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
        await client.send(8, (1000).to_bytes(2, "big"))  # the client sends a close frame in the middle of it
        received = await client.rest()
        publishing.cancel()
        # The server's answer, an empty-reason close of 1000, ends the stream.
        assert received.endswith(b"\x88\x02\x03\xe8")


async def _publish_for_ever() -> None:
    while True:
        await apublish("everyone", _alert("again"))


CONNECT, HISTORY = b'{"id":1,"connect":{}}', b'{"id":2,"history":{"channel":"everyone","limit":60}}'


async def _asks_for_much(client: SlowReader, address: str, asked: bytes = HISTORY) -> SendBuffer:
    """Ask on the client connection for a history of a quarter of a mebibyte; returns what is written to it."""
    await in_database_thread(publish_many, [("everyone", _alert("x" * 3900)) for _ in range(60)])
    known = list(registry.current())
    await client.come(address, "/connection/websocket")
    await client.say(CONNECT.ljust(126))
    while b'"connect"' not in (await client.frame())[1]:
        pass
    (its,) = (one for one in registry.current() if one not in known)
    assert isinstance(its, Client) and isinstance(its.transport, WebSocket)
    send_buffer = its.transport._send_buffer
    await client.say(asked.ljust(126))
    await await_for(lambda: _held(send_buffer) > 64 * 1024, that="the answer waits for the client")
    return send_buffer


@RAW
async def test_long_answers_that_nobody_reads_make_way_when_they_are_too_much(
    ws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "answers", UnreadAnswers(room=400 * 1024, room_of_one=400 * 1024))
    before = _closed(End.SLOW.client)
    with SlowReader() as first, SlowReader() as second:
        async with server(ws) as address:
            earlier = await _asks_for_much(first, address)
            later = await _asks_for_much(second, address, HISTORY.replace(b"60", b"50"))
            assert earlier.has_ended and not later.has_ended
            assert _held(earlier) == 0  # not when the client has read so far as to find a close frame
            assert _closed(End.SLOW.client) == before + 1
            assert len(json.loads((await second.frame())[1])["history"]["publications"]) == 50


def _held(send_buffer: SendBuffer) -> int:
    connection: Any = send_buffer._connection
    return int(connection.transport.get_write_buffer_size())


@pytest.mark.slow
@RAW
async def test_one_who_asked_for_much_and_does_not_read_holds_not_much_more_whatever_is_published(
    ws: str, settings: Settings
) -> None:
    settings.HUB_WRITE_BUFFER = 64 * 1024
    before = _closed(End.SLOW.client)
    with SlowReader() as client:
        async with server(ws) as address:
            send_buffer = await _asks_for_much(client, address)
            asked_for = most = _held(send_buffer)
            for _ in range(80):
                await in_database_thread(publish_many, [("everyone", _alert("x" * 3900)) for _ in range(5)])
                most = max(most, _held(send_buffer))
            await await_for(lambda: send_buffer.has_ended, that="it is closed")
            assert _closed(End.SLOW.client) == before + 1
            assert most < asked_for + 64 * 1024 + BATCH_WRITE_LIMIT


@pytest.mark.slow
@RAW
async def test_one_who_asked_for_much_and_reads_slowly_gets_it_and_what_came_meanwhile(
    ws: str, settings: Settings
) -> None:
    settings.HUB_WRITE_BUFFER = 64 * 1024
    with SlowReader() as client:
        async with server(ws) as address:
            await _asks_for_much(client, address)
            for number in range(5):
                await apublish("everyone", _alert(f"later {number}"))
            answer = json.loads((await client.frame())[1])
            assert len(answer["history"]["publications"]) == 60
            for number in range(5):
                assert f"later {number}".encode() in (await client.frame())[1]
            # And again, where the first answer must not count any more.
            await client.say(HISTORY.ljust(126))
            assert len(json.loads((await client.frame())[1])["history"]["publications"]) == 60


async def test_the_bound_is_the_same_where_no_connection_is_lent(settings: Settings) -> None:
    settings.HUB_WRITE_BUFFER = 1000
    taken = asyncio.Event()

    async def send(message: dict[str, Any]) -> None:
        await taken.wait()

    for reads in (True, False):
        taken.clear()
        ended = asyncio.Event()
        send_buffer = SendBuffer(send, None, ended.set, Ends((4008, ""), (4429, ""), int))
        send_buffer.open()
        answer = asyncio.create_task(send_buffer.answer(FrameBatch(["a" * 5000]), "ada"))
        await asyncio.sleep(0)
        for _ in range(10):
            send_buffer.write(FrameBatch(["x" * 100]))
        assert not ended.is_set() and not answer.done()
        if reads:
            taken.set()
            await answer
            taken.clear()
            send_buffer.write(FrameBatch(["x" * 1000]))
            assert not ended.is_set()
        send_buffer.write(FrameBatch(["x"]))
        assert ended.is_set()
        taken.set()
        await answer
        writing = send_buffer._task
        assert writing is not None
        await asyncio.wait_for(writing, 20)


@RAW
async def test_one_who_sends_pings_instead_of_reading_what_it_missed_is_closed(ws: str, settings: Settings) -> None:
    settings.HUB_WRITE_BUFFER = 64 * 1024
    settings.HUB_FRAME_BURST = 10_000
    before = _closed(End.SLOW.simple)
    await in_database_thread(publish_many, [("everyone", _alert("x" * 3900)) for _ in range(60)])
    epoch = (await in_database_thread(streams.positions, ["everyone"]))["everyone"].epoch
    with SlowReader() as client:
        async with server(ws) as address:
            await client.come(address, f"/ws/notifications/?since=everyone@{epoch}.0")
            await client.read(1)
            pings = b"\x89\xfd\0\0\0\0" + bytes(125)
            with contextlib.suppress(ConnectionError):
                await client.send(pings * 4000)
            await await_for(lambda: _closed(End.SLOW.simple) == before + 1, that="it is closed")


async def test_text_that_is_not_utf8_ends_the_socket_with_1007_and_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving() as address, listening(address) as client:
            await client.send(1, b"\xff\xfe")
            opcode, payload, _ = await client.frame()
            assert (opcode, int.from_bytes(payload[:2], "big")) == (8, 1007)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.slow
async def test_redis_commands_do_not_depend_on_the_number_of_sockets(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commands() -> dict[str, int]:
        stats = redis_server.client.info("commandstats")
        # What a connection says about itself, and the question of this test, are not work for publications.
        own = {"hello", "client", "client|setinfo", "ping", "info", "flushall", "config", "config|resetstat"}
        calls = {name.removeprefix("cmdstat_"): int(stat["calls"]) for name, stat in stats.items()}
        return {name: count for name, count in calls.items() if name not in own}

    def users() -> list[str]:
        return [_token(User.objects.create_user(f"user{number}")) for number in range(41)]

    async def enter(token: str) -> RawClient:
        headers = {"Authorization": f"Bearer {token}"}
        client = await stack.enter_async_context(RawClient.connected(address, "/ws/notifications/?since=now", headers))
        assert b"resumed" in (await client.frame())[1], "it is in"
        return client

    tokens = await in_database_thread(users)
    batches = 0
    was = relay.Relay._open

    async def opened(its: relay.Relay, channels: list[str]) -> dict[str, None]:
        nonlocal batches
        batches += 1
        return await was(its, channels)

    monkeypatch.setattr(relay.Relay, "_open", opened)
    async with serving() as address, contextlib.AsyncExitStack() as stack:
        sockets = [await enter(tokens.pop())]
        # The first socket starts what follows orders, which joins a group of its own.
        await await_for(lambda: control.CHANNEL in relay.current().subscribed(), that="orders are followed")
        for others in ([], tokens):
            redis_server.client.config_resetstat()
            batches = 0
            sockets += await asyncio.gather(*map(enter, others))
            came = commands()
            # Those who come together share a command; how many do depends on the machine.
            assert came.pop("subscribe", 0) <= batches
            assert came == {}
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
    from hub.bus.envelope import pack
    from hub.bus.layer import layer
    from hub.channels import group_name
    from hub.database import threads

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
            assert (await socket.receive_json())["message"] == "second"
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
    from hub.accounts.tokens import issue

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
            assert (opcode, int.from_bytes(payload[:2], "big")) == (8, End.NOT_FOUND.simple)
            await client.send(1, b"\xff\xfe")
            await client.send(8, payload)
            assert await client.rest() == b""
    assert not [record for record in caplog.records if record.exc_info]
