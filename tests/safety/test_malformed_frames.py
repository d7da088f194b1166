"""Ten thousand malformed frames to each simple endpoint: errors for the sender, nothing for anybody else."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Iterator

import pytest
import websockets

from tests.hub.serving import RawClient
from tests.live.parts import tracebacks
from tests.support.live import LiveHub
from tests.support.sockets import SocketClient, connect

COUNT = 10_000

#: Frames that are written before the answers are read.
PIECE = 30

#: Seconds for all frames to one endpoint; a quarter of it on a machine that has nothing else to do.
BOUND = 60.0

ENDPOINTS = ["/ws/notifications/", "/ws/chat/{room}/", "/ws/online/"]

#: A frame that is refused comes to no database.
pytestmark = pytest.mark.any_database


@pytest.fixture(autouse=True)
def no_traceback(hub: LiveHub) -> Iterator[None]:
    before = tracebacks(hub)
    yield
    assert tracebacks(hub) == before


def malformed(chance: random.Random) -> str | bytes:
    """A frame that no endpoint takes."""
    length = chance.choice((0, 1, 7, 200, 3000))
    noise = chance.randbytes(length)
    text = noise.decode("utf-16", "ignore").encode("utf-8", "ignore").decode()
    whole = json.dumps({"message": "x" * length, text: text})
    values: tuple[object, ...] = ("\ud800", "\0", 7, None, True, [], {}, [{"message": "x"}], "x" * 4001, " \n", 1e308)
    wrong = chance.choice(values)
    frames: list[str | bytes] = [
        noise,
        b"",
        text + "{",
        whole[: -chance.randint(1, len(whole) - 1)],
        json.dumps({"message": wrong}),
        json.dumps({text: "x"}),
        json.dumps(wrong),
        "[" * (length + 1),
        '{"message":' * (length + 1) + "1" + "}" * (length + 1),
        '{"message": ' + "9" * (length + 1) + "}",
        '{"message": "\\u' + text[:4] + '"}',
        '{"message": NaN}',
        '{"type": "websocket.close", "text": "x"}',
        '{"message": "\\ud800\\u0000"}',
    ]
    return chance.choice(frames)


async def send(url: str, chance: random.Random, count: int) -> int:
    """Send malformed frames over one socket until the hub has enough of it; returns how many it took."""
    sent = 0
    async with connect(url, compression=None) as client:
        reading = asyncio.create_task(client.close_code(BOUND))
        with contextlib.suppress(websockets.ConnectionClosed):
            while sent < count:
                for _ in range(min(PIECE, count - sent)):
                    await client.send(malformed(chance))
                    sent += 1
                async with asyncio.timeout(20):
                    await (await client.connection.ping())  # which comes when the hub has read all before it
    await reading
    return sent


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_ten_thousand_malformed_frames_touch_nobody(
    hub: LiveHub, webs: list[str], room: str, unique: str, endpoint: str
) -> None:
    chance = random.Random(endpoint)
    path = endpoint.format(room=room)
    writer = hub.create_user(unique)
    async with (
        connect(f"{webs[0]}/ws/chat/{room}/") as bystander,
        connect(f"{webs[0]}/ws/chat/{room}/", session=writer) as talker,
    ):
        await bystander.receive_until(lambda frame: frame["username"] == "System")
        await talker.receive_until(lambda frame: frame["username"] == "System")
        sent, sockets = 0, 0
        began = time.monotonic()
        while sent < COUNT:
            sent += await send(webs[0] + path, chance, COUNT - sent)
            sockets += 1
        assert time.monotonic() - began < BOUND
        assert sockets > 1  # one that goes on and on is closed by the server
        await talker.send_json({"message": unique})
        for client in (bystander, talker):
            # The very next frame: nothing of all that has reached anybody else.
            assert (await client.receive_json())["message"] == unique


#: Bytes that are no frame of RFC 6455, or none that a client may send.
BROKEN = [
    b"\x83\x80\0\0\0\0",  # a reserved opcode
    b"\x8b\x80\0\0\0\0",  # a reserved control opcode
    b"\xf1\x80\0\0\0\0",  # reserved bits
    b"\x81\x05hello",  # without a mask
    b"\x80\x80\0\0\0\0",  # a continuation of nothing
    b"\x01\x81\0\0\0\0a\x81\x81\0\0\0\0b",  # a message inside another one
    b"\x09\x80\0\0\0\0",  # a ping in pieces
    b"\x89\xfe\x00\x7e\0\0\0\0" + b"p" * 126,  # a ping that is too long
    b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",  # a length beyond all bounds
    b"\x81\xff\0\0\0\x01\0\0\0\0\0\0\0\0",  # four gigabytes
    b"\x81\x82\0\0\0\0\xc3\x28",  # no UTF-8
    b"\x88\x81\0\0\0\0\x03",  # half a close code
    b"\x88\x82\0\0\0\0\x00\x00",  # a close code that does not exist
    b"\x88\x84\0\0\0\0\x03\xe8\xff\xfe",  # a reason that is no UTF-8
    b"\x01\x81\0\0\0\0{",  # half a message, and gone
    b"\x00",
    b"GET / HTTP/1.1\r\n\r\n",
    bytes(range(256)) * 40,
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_what_is_no_frame_at_all_ends_its_own_socket_and_no_other(
    hub: LiveHub, webs: list[str], room: str, unique: str, endpoint: str
) -> None:
    writer = hub.create_user(unique)
    async with connect(f"{webs[1]}/ws/chat/{room}/", session=writer) as bystander:
        await bystander.receive_until(lambda frame: frame["username"] == "System")
        for data in BROKEN:
            async with RawClient.connected(webs[1].removeprefix("ws://"), endpoint.format(room=room)) as client:
                client.writer.write(data)
        await answers(bystander, unique)


async def answers(client: SocketClient, text: str) -> None:
    await client.send_json({"message": text})
    assert (await client.receive_json())["message"] == text
