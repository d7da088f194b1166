"""The protocol classes as a client sees them, which must not tell one from another."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from hub.server.fast_path import FastWebSocketProtocol
from hub.server.handshake import Handshake
from hub.server.http import HubHttpProtocol
from hub.server.ping_wheel import Pinged
from hub.server.protocol import EXTENSION, HubWebSocketProtocol, RawConnection
from lab.harness.waiting import await_for
from tests.hub.serving import SERVERS, RawClient, handshake, serving

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

#: The class that serves a socket must not matter for what its client sees.
EACH = pytest.mark.parametrize("kind", SERVERS)


class Echo:
    """An application that sends back what it gets; ``"close"`` has it close the socket."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []
        self.ends: list[dict[str, Any]] = []
        self.admits = asyncio.Event()
        self.admits.set()
        #: Whether it refuses with an answer of its own.
        self.explains = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
            await send({"type": "http.response.body", "body": b"page"})
            return
        assert await receive() == {"type": "websocket.connect"}
        await self.admits.wait()
        if scope["path"] == "/refused/":
            await self._refuse(send)
            return
        subprotocol = scope["subprotocols"][0] if scope["subprotocols"] else None
        await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": [(b"x-own", b"1")]})
        while (event := await receive())["type"] == "websocket.receive":
            if event.get("text") == "close":
                await send({"type": "websocket.close", "code": 4000, "reason": "asked for"})
            else:
                await send({**event, "type": "websocket.send"})
        self.ends.append(event)

    async def _refuse(self, send: Any) -> None:
        if self.explains:
            await send({"type": "websocket.http.response.start", "status": 418, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b"teapot"})
        else:
            await send({"type": "websocket.close"})


@pytest.fixture
def echo() -> Echo:
    return Echo()


Connect = Callable[..., contextlib.AbstractAsyncContextManager[RawClient]]


@pytest.fixture(params=SERVERS)
async def connect(request: pytest.FixtureRequest, echo: Echo) -> AsyncIterator[Connect]:
    """Connects to the application, once for each of the protocol classes."""
    async with serving(app=echo, **SERVERS[request.param]) as address:
        yield lambda **headers: RawClient.connected(address, "/", headers)


async def test_messages_come_back_whole_and_in_order_however_they_are_cut(connect: Connect) -> None:
    async with connect() as client:
        client.writer.transport.set_write_buffer_limits(0)
        sent = [(TEXT, b"\xc3\xa9"), (BINARY, b"\xff" * 200), (TEXT, b""), (TEXT, b"x" * 60_000), (TEXT, b"last")]
        stream = b"".join(masked(opcode, payload) for opcode, payload in sent)
        for start in range(240):
            client.writer.write(stream[start : start + 1])
            await asyncio.sleep(0)
        client.writer.write(stream[240:])
        assert [(await client.frame())[:2] for _ in sent] == sent


async def test_fragments_are_one_message_with_a_ping_among_them(connect: Connect) -> None:
    async with connect() as client:
        client.writer.write(
            masked(TEXT, b"one ", fin=False) + masked(0, b"two ", fin=False) + masked(PING, b"?") + masked(0, b"three")
        )
        assert (await client.frame())[:2] == (PONG, b"?")
        assert (await client.frame())[:2] == (TEXT, b"one two three")
        client.writer.write(masked(TEXT, b"and on"))
        assert (await client.frame())[:2] == (TEXT, b"and on")


async def test_a_ping_is_answered_and_a_pong_that_nobody_asked_for_is_not(connect: Connect) -> None:
    async with connect() as client:
        client.writer.write(masked(PONG, b"unasked") + masked(PING, b"\x00" * 125))
        assert (await client.frame())[:2] == (PONG, b"\x00" * 125)


async def test_each_of_many_pings_is_answered_in_order(connect: Connect) -> None:
    async with connect() as client:
        pings = [masked(PING, str(number).encode()) for number in range(5)]
        client.writer.write(b"".join([*pings[:3], masked(TEXT, b"hello"), *pings[3:]]))
        answers = [(await client.frame())[:2] for _ in range(6)]
        assert [payload for opcode, payload in answers if opcode == PONG] == [b"0", b"1", b"2", b"3", b"4"]
        assert (TEXT, b"hello") in answers


async def test_a_client_that_closes_is_answered_and_the_application_learns_why(connect: Connect, echo: Echo) -> None:
    async with connect() as client:
        client.writer.write(masked(CLOSE, b"\x0f\xa1going"))
        assert await client.rest() == b"\x88\x07\x0f\xa1going"
    await await_for(lambda: bool(echo.ends), that="the application has been told")
    assert echo.ends == [{"type": "websocket.disconnect", "code": 4001, "reason": "going"}]


async def test_a_server_that_closes_waits_for_the_answer_and_ends(connect: Connect) -> None:
    async with connect() as client:
        client.writer.write(masked(TEXT, b"close"))
        assert (await client.frame())[:2] == (CLOSE, b"\x0f\xa0asked for")
        client.writer.write(masked(TEXT, b"too late") + masked(CLOSE, b"\x0f\xa0"))
        assert await client.rest() == b""


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\x01x", 1002),  # without a mask
        (b"\xc1\x81\0\0\0\0x", 1002),  # a bit of an extension
        (b"\x83\x81\0\0\0\0x", 1002),  # an opcode that does not exist
        (b"\x89\xfe\x00\x80\0\0\0\0" + b"x" * 128, 1002),  # a ping that is too long
        (b"\x09\x81\0\0\0\0x", 1002),  # a ping in fragments
        (b"\x80\x81\0\0\0\0x", 1002),  # the continuation of nothing
        (b"\x88\x81\0\0\0\0\x03", 1002),  # half a close code
        (b"\x81\x82\0\0\0\0\xff\xfe", 1007),  # no UTF-8
        (b"\x81\xff\x00\x00\x00\x00\x00\x10\x00\x00", 1009),  # a mebibyte
        (b"\x82\xfe\xff\xff\0\0\0\0", None),  # as long as allowed; nothing is wrong, so nothing happens
    ],
)
async def test_what_breaks_the_protocol_ends_the_socket_with_its_code(
    connect: Connect, sent: bytes, code: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect() as client:
        client.writer.write(masked(TEXT, b"before"))
        assert (await client.frame())[:2] == (TEXT, b"before")
        client.writer.write(sent)
        if code is None:
            client.writer.write(b"x" * 65535)
            assert (await client.frame())[0] == BINARY
        else:
            opcode, payload, _ = await client.frame()
            assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)
            await client.rest()
    assert not [record for record in caplog.records if record.exc_info and "UTF-8" not in record.getMessage()]


@EACH
async def test_a_client_that_sends_before_it_is_let_in_is_heard_afterwards(kind: str, echo: Echo) -> None:
    echo.admits.clear()
    async with serving(app=echo, **SERVERS[kind]) as address:
        hasty, other = await RawClient.knocking(address), await RawClient.knocking(address)
        hasty.writer.write(handshake(address, "/"))
        await await_for(lambda: len(echo.scopes) == 1, that="the application has the socket")
        hasty.writer.write(masked(TEXT, b"early") + masked(TEXT, b"too"))
        other.writer.write(handshake(address, "/"))
        await await_for(lambda: len(echo.scopes) == 2, that="the server has read what came before this")
        echo.admits.set()
        await hasty.let_in()
        assert [(await hasty.frame())[:2] for _ in range(2)] == [(TEXT, b"early"), (TEXT, b"too")]
        for client in (hasty, other):
            client.writer.transport.abort()


@EACH
@pytest.mark.parametrize("cut", [1, 20, -1])
async def test_a_handshake_that_comes_in_pieces_is_one(kind: str, cut: int, echo: Echo) -> None:
    async with serving(app=echo, **SERVERS[kind]) as address:
        client = await RawClient.knocking(address)
        whole = handshake(address, "/")
        client.writer.write(whole[:cut])
        await asyncio.sleep(0)
        client.writer.write(whole[cut:])
        await client.let_in()
        client.writer.write(masked(TEXT, b"hello"))
        assert (await client.frame())[:2] == (TEXT, b"hello")
        client.writer.transport.abort()


@pytest.mark.slow
async def test_the_application_gets_the_same_scope_from_each_class(echo: Echo) -> None:
    answers = []
    for overrides in SERVERS.values():
        async with serving(app=echo, **overrides) as address:
            headers = {"Host": "hub.example", "Cookie": "a=b", "X-Forwarded-For": "192.0.2.7"}
            protocols = {"Sec-WebSocket-Protocol": "first, second"}
            async with RawClient.connected(address, "/caf%C3%A9/?a=%20&b", {**headers, **protocols}) as client:
                answers.append(sorted(line for line in client.answer.lower().split(b"\r\n") if b"date:" not in line))
    lean, raw, plain = echo.scopes
    for scope in echo.scopes:
        assert scope["client"][0] == "192.0.2.7"
        for key in ("client", "server", "state"):
            del scope[key]
        scope["extensions"].pop(EXTENSION, None)
    assert lean == raw == plain
    assert (lean["path"], lean["query_string"], lean["subprotocols"]) == ("/café/", b"a=%20&b", ["first", "second"])
    assert answers[0] == answers[1] == answers[2]
    assert b"sec-websocket-protocol: first" in answers[0]
    assert b"x-own: 1" in answers[0]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Sec-WebSocket-Version": "12"}, 400),
        ({"Sec-WebSocket-Key": "c2hvcnQ="}, 400),
        ({"Sec-WebSocket-Key": "not base64 at all!!!!!!!"}, 400),
        ({"Connection": "close"}, 200),  # a request for a page
    ],
)
async def test_a_wrong_handshake_is_refused(connect: Connect, changed: dict[str, str], status: int) -> None:
    with pytest.raises(AssertionError, match=rf"HTTP/1\.1 {status} "):
        async with connect(**changed):
            pass


@EACH
async def test_an_application_may_refuse_with_or_without_a_word(kind: str, echo: Echo) -> None:
    async with serving(app=echo, **SERVERS[kind]) as address:
        for echo.explains, status in ((False, 403), (True, 418)):
            with pytest.raises(AssertionError, match=rf"HTTP/1\.1 {status} "):
                async with RawClient.connected(address, "/refused/"):
                    pass


@EACH
async def test_a_page_and_then_a_socket_may_come_over_one_connection(kind: str, echo: Echo) -> None:
    async with serving(app=echo, **SERVERS[kind]) as address:
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        async with asyncio.timeout(20):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"page")).startswith(b"HTTP/1.1 200 ")
            writer.write(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        writer.transport.abort()


@pytest.mark.slow
@EACH
async def test_who_answers_pings_stays_and_who_does_not_is_closed(kind: str, echo: Echo) -> None:
    async with (
        # So long, for a machine that is busy: the answer is written by the process that waits for it.
        serving(app=echo, ws_ping_interval=0.9, ws_ping_timeout=0.9, **SERVERS[kind]) as address,
        RawClient.connected(address, "/") as client,
    ):
        for _ in range(2):
            opcode, payload, _ = await client.frame()
            assert (opcode, len(payload)) == (PING, 4)
            client.writer.write(masked(PONG, payload))
        assert (await client.frame())[0] == PING
        opcode, payload, _ = await client.frame()  # it did not answer the last one
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, 1011)
        assert await client.rest() == b""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lean", "raw"])
async def test_a_wait_for_pongs_of_another_length_is_kept_too(kind: str, echo: Echo) -> None:
    async with (
        serving(app=echo, ws_ping_interval=0.2, ws_ping_timeout=0.6, **SERVERS[kind]) as address,
        RawClient.connected(address, "/") as client,
    ):
        began = asyncio.get_running_loop().time()
        frames = [(await client.frame())[:2] for _ in range(2)]
        assert [opcode for opcode, _ in frames] == [PING, CLOSE]
        assert asyncio.get_running_loop().time() - began > 0.7


async def test_an_idle_socket_has_neither_a_timer_nor_a_state_machine(echo: Echo) -> None:
    async with serving(app=echo) as address, RawClient.connected(address, "/") as client:
        client.writer.write(masked(PONG, b"") + masked(TEXT, b"hello"))
        await client.frame()
        connection = echo.scopes[0]["extensions"][EXTENSION]["connection"]
        assert isinstance(connection, FastWebSocketProtocol)
        assert (connection._conn, connection.ping_timer, connection.pong_timer) == (None, None, None)


async def test_what_uvicorn_gives_a_socket_a_lean_one_has_too(echo: Echo) -> None:
    """A new uvicorn may use an attribute that the lean class, which does not call its constructor, does not set."""
    config = uvicorn.Config(echo)
    config.load()
    theirs = WebSocketsSansIOProtocol(config, ServerState(), {})
    ours = FastWebSocketProtocol(config, ServerState(), {}, asyncio.get_running_loop(), Handshake(b"/", [], b""))
    # Those are set when the connection is made.
    assert {name for name in vars(theirs) if not hasattr(ours, name)} == {"transport", "client", "scheme"}


@pytest.mark.parametrize("ours", [HubWebSocketProtocol, FastWebSocketProtocol])
def test_what_the_classes_override_is_there_in_the_uvicorn_they_extend(ours: type) -> None:
    """A new uvicorn may rename what they override; then it would silently do nothing."""
    config = uvicorn.Config(Echo())
    config.load()
    loop = asyncio.new_event_loop()
    theirs = WebSocketsSansIOProtocol(config, ServerState(), {}, loop)
    loop.close()
    own = {*vars(RawConnection), *vars(Pinged)}
    for name in vars(ours):
        if not name.startswith("_") and name not in own:
            assert hasattr(theirs, name), f"uvicorn's protocol has no {name} any more"


def test_uvicorn_still_calls_its_protocols_as_ours_are_called() -> None:
    for name in ("connection_made", "connection_lost", "data_received", "shutdown"):
        assert callable(getattr(HubHttpProtocol, name))
        assert callable(getattr(WebSocketsSansIOProtocol, name))


async def test_no_line_break_gets_into_an_answer(echo: Echo, caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept", "headers": [(b"x-own", b"1\r\nx-not-own: 2")]})

    with caplog.at_level(logging.CRITICAL, "hub.websocket"):
        async with serving(app=application) as address:
            with pytest.raises(AssertionError, match=r"HTTP/1\.1 500 "):
                async with RawClient.connected(address, "/"):
                    pass


def masked(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A client's frame, with a mask that changes every byte."""
    mask, length = b"\x11\x22\x33\x44", len(payload)
    size = bytes((0x80 | length,)) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes((0x80 * fin | opcode,)) + size + mask + body
