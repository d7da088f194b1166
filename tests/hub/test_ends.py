"""The end of a socket whose client does not take part in it: it reads nothing, or goes on sending."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from hub.server import protocol, reading
from hub.server.protocol import EXTENSION, HubWebSocketProtocol
from lab.harness.waiting import await_for
from tests.hub.serving import SERVERS, RawClient, serving
from tests.hub.slow_reader import SlowReader

#: The hub's own classes: what is asked for here is what they add to uvicorn's.
OURS = pytest.mark.parametrize("kind", ["lean", "raw"])

#: A client's close frame, and a message without text: masked with zeros.
CLOSE_FRAME, EMPTY, CLOSE = b"\x88\x82\0\0\0\0\x03\xe8", b"\x81\x80\0\0\0\0", 8


class Talkative:
    """An application that tells everybody half a mebibyte, then counts what it is told; ``"close"`` makes it close."""

    MUCH = b"\x82\x7f" + (512 * 1024).to_bytes(8, "big") + bytes(512 * 1024)

    def __init__(self) -> None:
        self.sockets: list[Any] = []
        self.heard = 0
        self.is_silent = False
        #: Whether it stays when the socket has ended, as one does that waits for the database.
        self.stays = False
        self.send: Any = None
        self.goes = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        connection = scope["extensions"][EXTENSION]["connection"]
        write = connection.attach(lambda: None, lambda: None)
        connection.watch(lambda: None)
        self.send = send
        if not self.is_silent:
            write(self.MUCH)
        self.sockets.append(connection)
        hearing = asyncio.create_task(self._hear(receive, connection))
        await self.goes.wait()
        hearing.cancel()

    async def _hear(self, receive: Any, connection: Any) -> None:
        while (event := await receive())["type"] == "websocket.receive":
            self.heard += 1
            if event.get("text") == "close":
                connection.close(4000, "asked for")
        if not self.stays:
            self.goes.set()


@pytest.fixture
async def talkative() -> Talkative:
    return Talkative()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cut for want of time, however slow the machine is."""
    monkeypatch.setattr(protocol, "CLOSE_TIMEOUT", 60.0)


async def came(talkative: Talkative) -> Any:
    """The server's end of the one socket, with something in it that the client does not take."""
    await await_for(lambda: talkative.sockets, that="the client has been let in")
    (connection,) = talkative.sockets
    assert connection.transport.get_write_buffer_size() > 0
    return connection


@OURS
@pytest.mark.usefixtures("patient")
async def test_a_server_stops_in_order_though_one_who_sent_a_close_frame_does_not_read(
    kind: str, talkative: Talkative
) -> None:
    with SlowReader() as client:
        async with serving(app=talkative, **SERVERS[kind]) as address:
            await client.come(address)
            connection = await came(talkative)
            await client.send(CLOSE_FRAME)
            await await_for(connection.transport.is_closing, that="the close frame was read")
            assert not connection.disconnected
        assert connection.disconnected


async def _sends_close_frame(client: SlowReader, talkative: Talkative) -> None:
    await client.send(CLOSE_FRAME)


async def _answers_a_close_frame(client: SlowReader, talkative: Talkative) -> None:
    talkative.sockets[0].close(4000, "")
    await client.send(b"\x88\x82\0\0\0\0\x0f\xa0")


async def _sends_no_more(client: SlowReader, talkative: Talkative) -> None:
    client.socket.shutdown(socket.SHUT_WR)


async def _breaks_the_protocol(client: SlowReader, talkative: Talkative) -> None:
    await client.send(b"\x83\x80\0\0\0\0")


async def _sends_no_text(client: SlowReader, talkative: Talkative) -> None:
    await client.send(b"\x81\x82\0\0\0\0\xff\xfe")


async def _answers_no_ping(client: SlowReader, talkative: Talkative) -> None:
    talkative.sockets[0].keepalive_timeout()


async def _is_closed_by_the_application(client: SlowReader, talkative: Talkative) -> None:
    await talkative.send({"type": "websocket.close", "code": 4000})


async def _is_left_by_the_application(client: SlowReader, talkative: Talkative) -> None:
    talkative.goes.set()


@pytest.mark.slow
@OURS
@pytest.mark.parametrize(
    "end",
    [
        _sends_close_frame,
        _answers_a_close_frame,
        _sends_no_more,
        _breaks_the_protocol,
        _sends_no_text,
        _answers_no_ping,
        _is_closed_by_the_application,
        _is_left_by_the_application,
    ],
)
async def test_one_who_does_not_read_is_gone_in_time_however_the_socket_ended(
    kind: str, end: Callable[[SlowReader, Talkative], Any], talkative: Talkative, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CLOSE_TIMEOUT", 0.5)
    talkative.stays = True
    with SlowReader() as client:
        async with serving(app=talkative, **SERVERS[kind]) as address:
            await client.come(address)
            connection = await came(talkative)
            await end(client, talkative)
            await await_for(lambda: connection.disconnected, that="nothing is held for it any more")
            assert connection.transport.get_write_buffer_size() == 0
            talkative.goes.set()


@OURS
@pytest.mark.usefixtures("patient")
async def test_one_who_reads_gets_all_that_waited_before_the_answer_to_its_close_frame(
    kind: str, talkative: Talkative
) -> None:
    async with serving(app=talkative, **SERVERS[kind]) as address, RawClient.connected(address, "/") as client:
        connection = await came(talkative)
        client.writer.write(CLOSE_FRAME)
        await await_for(connection.transport.is_closing, that="the close frame was read")
        assert await client.rest() == Talkative.MUCH + b"\x88\x02\x03\xe8"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each message that a protocol class has read."""
    found: list[None] = []

    def counted(handle: Callable[..., None]) -> Callable[..., None]:
        def handled(*args: Any) -> None:
            found.append(None)
            handle(*args)

        return handled

    for name in ("handle_text", "handle_ping"):
        monkeypatch.setattr(HubWebSocketProtocol, name, counted(getattr(HubWebSocketProtocol, name)))
    return found


@pytest.mark.slow
@OURS
@pytest.mark.parametrize("frame", [EMPTY, b"\x89\x80\0\0\0\0"])
@pytest.mark.usefixtures("patient")
async def test_one_whom_the_server_closed_and_who_goes_on_sending_is_cut_and_costs_little(
    kind: str, frame: bytes, talkative: Talkative, parsed: list[None]
) -> None:
    talkative.is_silent = True
    async with serving(app=talkative, **SERVERS[kind]) as address, RawClient.connected(address, "/") as client:
        client.writer.write(b"\x81\x85\0\0\0\0close")
        assert (await client.frame())[0] == CLOSE
        before = len(parsed)
        with contextlib.suppress(ConnectionError):
            client.writer.write(frame * 200_000)
            await asyncio.wait_for(client.writer.drain(), 20)
        await await_for(lambda: talkative.sockets[0].disconnected, that="it is cut")
        assert len(parsed) - before <= reading.READ_AFTER_CLOSE * 65_536 / len(frame)
        assert talkative.heard == 1


@OURS
@pytest.mark.usefixtures("patient")
async def test_one_who_was_just_sending_when_the_server_closed_it_still_sends_its_close_frame(
    kind: str, talkative: Talkative
) -> None:
    talkative.is_silent = True
    async with serving(app=talkative, **SERVERS[kind]) as address, RawClient.connected(address, "/") as client:
        await client.send(1, b"close")
        await client.frame()
        await client.send(1, b"x" * 65_535)  # as long as a frame may be
        for _ in range(100):
            await client.send(1, b'{"message": "late"}')
        await client.send(CLOSE, b"\x0f\xa0")
        assert await asyncio.wait_for(client.reader.read(-1), 20) == b"", "not reset"
        assert talkative.heard == 1


@pytest.mark.slow
@OURS
async def test_what_came_before_a_close_and_was_not_looked_at_is_dropped(kind: str, talkative: Talkative) -> None:
    talkative.is_silent = True
    async with serving(app=talkative, **SERVERS[kind]) as address, RawClient.connected(address, "/") as client:
        # All in one write, and read at once.
        client.writer.write(EMPTY + b"\x81\x85\0\0\0\0close" + EMPTY * 5000)
        assert (await client.frame())[0] == CLOSE
        await client.send(CLOSE, b"\x0f\xa0")
        await client.rest()
        assert talkative.heard == 2
