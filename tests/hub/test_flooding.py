"""A client that sends as many frames as it can, of any kind: it is closed, and nobody waits for it."""

import asyncio
import contextlib
from collections import Counter
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from hub.server import reading
from lab.harness.waiting import await_for
from tests.hub.serving import SERVERS, RawClient, serving
from tests.hub.test_protocol import BINARY, CLOSE, PING, PONG, TEXT, Echo, masked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

CONTINUED = 0

#: What begins a flood, and what it goes on with.
FLOODS = {
    "pings": (b"", masked(PING, b"")),
    "long pings": (b"", masked(PING, b"x" * 125)),
    "unasked pongs": (b"", masked(PONG, b"")),
    "texts": (b"", masked(TEXT, b"{}")),
    "binaries": (b"", masked(BINARY, b"{}")),
    "empty fragments": (masked(TEXT, b"", fin=False), masked(CONTINUED, b"", fin=False)),
    "tiny fragments": (masked(BINARY, b"[", fin=False), masked(CONTINUED, b"x", fin=False)),
    "pings among fragments": (masked(TEXT, b"", fin=False), masked(PING, b"")),
    "texts in two fragments": (b"", masked(TEXT, b"{", fin=False) + masked(CONTINUED, b"}")),
}

#: The close code for going too fast, by endpoint.
ENDPOINTS = {"/ws/notifications/": 4429, "/ws/online/": 4429, "/ws/nowhere/": 4404, "/connection/websocket": 3013}

#: Frames that take many turns, and are fewer than the fragments that one message may have.
FEW = 1500

OURS = pytest.mark.parametrize("kind", ["lean", "raw"])


async def flood(client: RawClient, begin: bytes, frame: bytes) -> None:
    """Send until the server ends the connection."""
    client.writer.write(begin)
    piece = frame * (64 * 1024 // len(frame))
    with contextlib.suppress(OSError):
        while not client.writer.is_closing():
            client.writer.write(piece)
            await client.writer.drain()


async def close_code(client: RawClient) -> int:
    """The code that the server closes with; frames before it are dropped."""
    while True:
        opcode, payload, _ = await client.frame()
        if opcode == CLOSE:
            return int.from_bytes(payload[:2], "big")


@pytest.mark.slow
@OURS
@pytest.mark.parametrize("path", ENDPOINTS)
async def test_a_flood_of_whatever_frames_is_closed_as_too_fast(kind: str, path: str) -> None:
    async def is_closed(address: str, name: str, begin: bytes, frame: bytes) -> None:
        async with RawClient.connected(address, path) as client:
            flooding = asyncio.create_task(flood(client, begin, frame))
            assert await close_code(client) == ENDPOINTS[path], name
            await client.rest()  # the connection ends, although the flood goes on
            flooding.cancel()

    # At once: a connection takes a second to end.
    async with serving(**SERVERS[kind]) as address, asyncio.TaskGroup() as floods:
        for name, (begin, frame) in FLOODS.items():
            floods.create_task(is_closed(address, name, begin, frame))


@pytest.mark.slow
@OURS
async def test_a_turn_of_the_loop_reads_few_frames_of_one_socket(
    kind: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_FRAME_BURST = 10**9
    settings.HUB_SOCKET_BURST = settings.HUB_USER_BURST = 10**9
    turn, read = 0, Counter[int]()
    may_send = reading.RateLimitedProtocol._may_send

    def noted(protocol: reading.RateLimitedProtocol, count: int) -> bool:
        read[turn] += count
        return may_send(protocol, count)

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(reading.RateLimitedProtocol, "_may_send", noted)
    counting = asyncio.create_task(count_turns())
    async with serving(app=Echo(), **SERVERS[kind]) as address:
        for name, (begin, frame) in FLOODS.items():
            read.clear()
            async with RawClient.connected(address, "/") as client:
                client.writer.write(begin + frame * FEW)
                await await_for(lambda: sum(read.values()) >= FEW, timeout=20, that=f"the server has read the {name}")
                assert max(read.values()) <= 2 * reading.FRAMES_A_TURN, name
    counting.cancel()


@OURS
async def test_a_message_may_not_go_on_for_ever_in_empty_fragments(kind: str, settings: Settings) -> None:
    settings.HUB_FRAME_BURST = 10**9
    async with serving(app=Echo(), **SERVERS[kind]) as address, RawClient.connected(address, "/") as client:
        client.writer.write(masked(TEXT, b"", fin=False))
        client.writer.write(masked(CONTINUED, b"", fin=False) * reading.MOST_FRAGMENTS)
        assert await close_code(client) == 1009


@OURS
async def test_what_a_client_sends_at_once_within_its_pace_is_answered_in_order(kind: str) -> None:
    async with serving(app=Echo(), **SERVERS[kind]) as address, RawClient.connected(address, "/") as client:
        texts = [f"{number}".encode() for number in range(300)]
        fragments = masked(TEXT, b"", fin=False) + masked(CONTINUED, b"", fin=False) * 200 + masked(CONTINUED, b"end")
        client.writer.write(b"".join(masked(TEXT, text) + masked(PING, text) for text in texts) + fragments)
        answers = [(await client.frame())[:2] for _ in range(2 * len(texts) + 1)]
        assert [payload for opcode, payload in answers if opcode == PONG] == texts
        assert [payload for opcode, payload in answers if opcode == TEXT] == [*texts, b"end"]


@OURS
async def test_the_pace_comes_back_with_time(kind: str, settings: Settings) -> None:
    settings.HUB_FRAME_BURST, settings.HUB_FRAME_RATE = 20.0, 1000.0
    async with serving(app=Echo(), **SERVERS[kind]) as address, RawClient.connected(address, "/") as client:
        for number in range(60):
            payload = str(number).encode()
            await client.send(PING, payload)
            assert (await client.frame())[:2] == (PONG, payload)
            await asyncio.sleep(0.002)


@OURS
async def test_an_application_that_takes_its_time_stops_the_reading_and_loses_nothing(kind: str) -> None:
    taken: list[str] = []
    may_take, ended = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await may_take.wait()
        while (event := await receive())["type"] == "websocket.receive":
            taken.append(event["text"])
            await asyncio.sleep(0)
        ended.set()

    texts = [str(number) for number in range(500)]
    async with serving(app=slow, **SERVERS[kind]) as address, RawClient.connected(address, "/") as client:
        client.writer.write(b"".join(masked(TEXT, text.encode()) for text in texts) + masked(CLOSE, b"\x03\xe8"))
        await client.writer.drain()
        may_take.set()
        await asyncio.wait_for(ended.wait(), 20)
        assert taken == texts
