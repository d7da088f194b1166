"""Heads and bodies of requests: how long they may be, and when they must have come; handshakes, too."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from hub.server.handshake import HEAD_LIMIT, MOST_HEADERS
from lab.harness.waiting import await_for
from tests.hub.serving import SERVERS, handshake, serving
from tests.hub.test_protocol import TEXT, Echo, masked

pytestmark = pytest.mark.any_database

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


class Connection:
    """What a client sees of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, address: str) -> "AsyncIterator[Connection]":
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield cls(reader, writer)
        finally:
            writer.transport.abort()

    async def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        """Send until everything is sent or the server has gone."""
        with contextlib.suppress(OSError):
            for piece in pieces:
                self.writer.write(piece)
                await self.writer.drain()
                await asyncio.sleep(pause)

    async def status(self) -> int:
        """The status of the next answer, whose head is read; 0 where the connection ended without one."""
        async with asyncio.timeout(20):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return 0
        return int(head.split(b" ", 2)[1])

    async def page(self) -> None:
        """Ask for a page, and read it."""
        await self.send(GET + b"\r\n")
        assert await self.status() == 200
        assert await self.reader.readexactly(4) == b"page"

    async def ends(self, within: float = 5) -> None:
        """Holds when the server ends the connection."""
        async with asyncio.timeout(within):
            with contextlib.suppress(ConnectionResetError):
                await self.reader.read(-1)


class Longest:
    """The most seconds of processor time that the event loop took for one turn."""

    def __init__(self) -> None:
        self.pause = 0.0
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            self.pause = max(self.pause, time.thread_time() - before)

    def end(self) -> None:
        self._task.cancel()


LONG = 20 * 1024 * 1024

TOO_LONG = {
    "one header": (GET + b"Cookie: ", b"x" * LONG, 431),
    "one name": (GET, b"x" * LONG, 431),
    "the URL": (b"GET /", b"x" * LONG, 414),
    "the query": (b"GET /?", b"x" * LONG, 414),
    "the method": (b"", b"G" * LONG, 400),
    "headers": (GET, b"X-Own: 1\r\n" * (LONG // 10), 431),
    "short headers": (GET, b"X:\r\n" * (MOST_HEADERS + 1500), 431),
    "empty lines": (b"", b"\r\n" * (LONG // 2), 431),
    "a handshake": (handshake("x", "/")[:-2] + b"Cookie: ", b"x" * LONG, 431),
    "the URL of a handshake": (b"GET /ws/?", b"x" * LONG, 414),
}


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("what", TOO_LONG)
async def test_a_head_that_is_too_long_is_refused_as_it_comes(what: str, is_first: bool) -> None:
    begin, more, status = TOO_LONG[what]
    async with serving(app=Echo()) as address, Connection.to(address) as connection, Connection.to(address) as other:
        if not is_first:
            await connection.page()
        longest = Longest()
        sending = asyncio.create_task(connection.send(begin, more))
        assert await connection.status() == status
        assert b"\n" in await connection.reader.readline()  # a sentence
        await connection.ends()
        await other.page()
        longest.end()
        sending.cancel()
        assert longest.pause < 1  # it was 2 s and more, and grew with the square of the length


async def test_a_head_that_trickles_is_measured_too() -> None:
    async with serving(app=Echo()) as address, Connection.to(address) as connection:
        lines = [b"X-%d: %b\r\n" % (number, b"x" * 1000) for number in range(HEAD_LIMIT // 1000 + 5)]
        await connection.send(GET, *lines)
        assert await connection.status() == 431


async def test_a_head_that_is_as_long_as_allowed_is_answered() -> None:
    async with serving(app=Echo()) as address, Connection.to(address) as connection:
        for _ in range(3):
            rest = b"Cookie: %b\r\n\r\n"
            await connection.send(GET + rest % (b"x" * (HEAD_LIMIT - len(GET) - len(rest) - 10)))
            assert await connection.status() == 200
            assert await connection.reader.readexactly(4) == b"page"


@pytest.mark.slow
@pytest.mark.parametrize(
    "begin", [b"", b"G", GET, GET + b"X-Own: ", handshake("x", "/")[:-2], b"\r\n", b"\x16\x03\x01"]
)
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_head_that_does_not_come_is_not_waited_for(begin: bytes, is_first: bool, settings: Settings) -> None:
    settings.HUB_HEAD_TIMEOUT = 0.3
    async with (
        serving(app=Echo(), timeout_keep_alive=1) as address,
        Connection.to(address) as connection,
        Connection.to(address) as other,
    ):
        if not is_first:
            await connection.page()
        await connection.send(begin)
        sending = asyncio.create_task(connection.send(*[b"x"] * 100 if begin else [], pause=0.05))
        # Of a connection on which nothing came nothing is said.
        assert await connection.status() in ((408, 400) if begin else (0,))
        await connection.ends()
        sending.cancel()
        await other.ends()  # which has never said anything


POST = b"POST %b HTTP/1.1\r\nHost: localhost\r\n"
BODIES = {
    "promised": b"Content-Length: 1000\r\n\r\n",
    "begun": b"Content-Length: 1000\r\n\r\nabc",
    "in chunks": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "half a chunk": b"Transfer-Encoding: chunked\r\n\r\nfff\r\nabc",
}


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", [b"/accounts/login/", b"/connection/http_stream", b"/emulation", b"/api/publish"])
@pytest.mark.django_db(transaction=True)
async def test_a_body_that_does_not_come_is_not_waited_for(body: str, path: bytes, settings: Settings) -> None:
    settings.HUB_BODY_TIMEOUT = 0.3
    async with serving() as address, Connection.to(address) as connection:
        await connection.send(POST % path + BODIES[body])
        assert await connection.status() == 408
        await connection.ends()


BAD_BODIES = {
    "no size of a chunk": b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "no end of a chunk": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
    "no such coding": b"Transfer-Encoding: xchunked\r\n\r\nabc",
}


@pytest.mark.parametrize("body", BAD_BODIES)
@pytest.mark.parametrize("is_behind", [True, False])
async def test_a_body_that_cannot_be_read_is_refused_and_nobody_waits_for_its_rest(body: str, is_behind: bool) -> None:
    may_answer, events = asyncio.Event(), list[str]()

    async def reader(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            await may_answer.wait()
            await Echo()(scope, receive, send)
            return
        while (event := await receive()).get("more_body"):
            pass
        events.append(event["type"])

    async with serving(app=reader) as address, Connection.to(address) as connection:
        await connection.send((GET + b"\r\n" if is_behind else b"") + POST % b"/" + BAD_BODIES[body])
        if is_behind:
            may_answer.set()
            assert await connection.status() == 200
            assert await connection.reader.readexactly(4) == b"page"
        else:
            assert await connection.status() == 400
            await await_for(lambda: events == ["http.disconnect"], that="the application is told that nobody is there")
        await connection.ends(within=20)


async def test_a_body_that_goes_on_after_the_answer_is_not_listened_to_for_ever() -> None:
    async with serving(app=Echo()) as address, Connection.to(address) as connection:
        promise = POST % b"/" + b"Content-Length: 99999999\r\n\r\n"
        sending = asyncio.create_task(connection.send(promise, *[b"x" * 65536] * 100))
        assert await connection.status() == 200
        await connection.ends()
        sending.cancel()


@pytest.mark.slow
async def test_a_body_that_stops_after_the_answer_is_not_waited_for(settings: Settings) -> None:
    settings.HUB_BODY_TIMEOUT = 0.3
    async with serving(app=Echo()) as address, Connection.to(address) as connection:
        await connection.send(POST % b"/" + BODIES["begun"])
        assert await connection.status() == 200
        await connection.ends()


async def test_of_connections_that_say_nothing_the_oldest_makes_way(settings: Settings) -> None:
    settings.HUB_PENDING_CONNECTIONS = 5
    before = REGISTRY.get_sample_value("hub_refused_total", {"limit": "pending_connections"}) or 0
    async with serving(app=Echo()) as address, contextlib.AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(Connection.to(address)) for _ in range(7)]
        for connection in silent[:2]:
            await connection.ends()
        for connection in silent[3:]:  # they count no longer once they have spoken
            await connection.page()
        newer = [await stack.enter_async_context(Connection.to(address)) for _ in range(4)]
        for connection in (*newer, silent[2]):
            await connection.page()
    assert REGISTRY.get_sample_value("hub_refused_total", {"limit": "pending_connections"}) == before + 2


@pytest.mark.slow
async def test_requests_that_do_not_wait_for_the_answer_are_answered_in_order_and_few_are_read_before() -> None:
    echo, count = Echo(), 3000
    async with serving(app=echo) as address, Connection.to(address) as connection:
        began = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(count))
        sending = asyncio.create_task(connection.send(began))
        for number in range(count):
            assert await connection.status() == 200
            assert await connection.reader.readexactly(4) == b"page"
            assert len(echo.scopes) <= number + 200
        await sending
        assert [scope["path"] for scope in echo.scopes] == [f"/{number}" for number in range(count)]


@pytest.mark.parametrize(
    "behind", [b"no request\r\n\r\n", GET + b"X: " + b"x" * 2 * HEAD_LIMIT, handshake("x", "/"), GET + b"\r\n"]
)
@pytest.mark.parametrize("goes", [True, False])
async def test_what_is_wrong_behind_a_request_does_not_spoil_its_answer(
    behind: bytes, goes: bool, caplog: pytest.LogCaptureFixture
) -> None:
    may_answer, ended = asyncio.Event(), 0

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        nonlocal ended
        await may_answer.wait()
        await Echo()(scope, receive, send)
        ended += 1

    async with serving(app=slow) as address:
        async with Connection.to(address) as connection:
            await connection.send(GET + b"\r\n" + behind)
            if not goes:
                may_answer.set()
                assert await connection.status() == 200
                assert await connection.reader.readexactly(4) == b"page"
                if behind == GET + b"\r\n":
                    assert await connection.status() == 200
                else:
                    await connection.ends()
        may_answer.set()
        await await_for(lambda: ended > 0, that="the application was let go on")
    assert not [record for record in caplog.records if record.exc_info]


# --- handshakes -----------------------------------------------------------------------------------------------------

MUCH = {
    "a cookie": ("/", {"Cookie": "a=" + "x" * 8200}),
    "a long cookie": ("/", {"Cookie": "a=" + "x" * 60_000}),
    "two cookies": ("/", {"Cookie": "a=" + "x" * 8200, "X-Other": "x" * 9000}),
    "headers": ("/", {f"X-{number}": "x" for number in range(200)}),
    "many headers": ("/", {f"X-{number}": "x" for number in range(900)}),
    "a query": ("/?since=" + "x" * 9000, {}),
    "a path": ("/" + "x" * 9000, {}),
}


def cut(data: bytes, *at: int) -> list[bytes]:
    bounds = [0, *at, len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(bounds)]


@pytest.mark.parametrize("what", MUCH)
@pytest.mark.parametrize("pieces", [(), (100,), (8000,), (10, 4000, 8500)])
async def test_a_handshake_may_have_what_a_page_may_have(what: str, pieces: tuple[int, ...]) -> None:
    path, headers = MUCH[what]
    echo = Echo()
    async with serving(app=echo) as address, Connection.to(address) as fresh, Connection.to(address) as used:
        await used.page()
        for connection in (fresh, used):
            await connection.send(*cut(handshake(address, path, headers), *pieces), pause=0.002)
            assert await connection.status() == 101
            connection.writer.write(masked(TEXT, b"hello"))
            assert await connection.reader.readexactly(7) == b"\x81\x05hello"
            scope = echo.scopes[-1]
            assert f"{scope['path']}?{scope['query_string'].decode()}".rstrip("?") == path
            assert {name.lower().encode() for name in headers} <= {name for name, _ in scope["headers"]}


def raw(first: str = "GET / HTTP/1.1", *more: str, but: str = "") -> bytes:
    lines = handshake("x", "/").decode().split("\r\n")[1:-2]
    kept = [line for line in lines if not but or not line.startswith(but)]
    return "\r\n".join([first, *kept, *more, "", ""]).encode("latin-1")


NOT_RIGHT = {
    "posted": raw("POST / HTTP/1.1"),
    "of HTTP/1.0": raw("GET / HTTP/1.0"),
    "another version": raw("GET / HTTP/1.1", "Sec-WebSocket-Version: 12", but="Sec-WebSocket-Version"),
    "no version": raw(but="Sec-WebSocket-Version"),
    "no key": raw(but="Sec-WebSocket-Key"),
    "no host": raw(but="Host"),
    "no upgrade": raw(but="Upgrade"),
    "no connection": raw(but="Connection"),
    "two keys": raw("GET / HTTP/1.1", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    "in chunks": raw("GET / HTTP/1.1", "Transfer-Encoding: chunked"),
    "with a body": raw("GET / HTTP/1.1", "Content-Length: 3") + b"abc",
    "with an empty body": raw("GET / HTTP/1.1", "Content-Length: 0"),
    "a URL that is none": raw("GET /\xe9 HTTP/1.1"),
    "of a whole URL": raw("GET http://x/ HTTP/1.1"),
    "a name with a space": raw("GET / HTTP/1.1", "Bad name: x"),
    "a name of other letters": raw("GET / HTTP/1.1", "Ba\xe9d: x"),
    "a value of other letters": raw("GET / HTTP/1.1", "X: \xe9\xff"),
    "a value with a tab": raw("GET / HTTP/1.1", "X: a\tb"),
    "no name": raw("GET / HTTP/1.1", ": x"),
    "no colon": raw("GET / HTTP/1.1", "X"),
    "folded": raw("GET / HTTP/1.1", "X: a", " b"),
    "long and wrong": raw("GET / HTTP/1.1", "Cookie: " + "x" * 9000, but="Sec-WebSocket-Key"),
    "long, wrong and with many headers": raw("GET / HTTP/1.1", *["X: x"] * 200, but="Sec-WebSocket-Key"),
    "too many headers": raw("GET / HTTP/1.1", *["X: x"] * (MOST_HEADERS + 1100)),
    "long query and wrong": raw("GET /?" + "x" * 9000 + " HTTP/1.1", but="Sec-WebSocket-Key"),
    "another protocol": raw("GET / HTTP/1.1", "Upgrade: h2c", but="Upgrade"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
}


@pytest.mark.parametrize("kind", ["lean", "raw"])
@pytest.mark.parametrize("what", NOT_RIGHT)
async def test_whatever_is_no_right_handshake_is_answered_at_once(kind: str, what: str) -> None:
    async with serving(app=Echo(), **SERVERS[kind]) as address:
        for pieces in ((), (30,)):
            async with Connection.to(address) as connection:
                await connection.send(*cut(NOT_RIGHT[what], *pieces), pause=0.002)
                status = await asyncio.wait_for(connection.status(), 20)
                assert status in {101, 200, 400, 405, 414, 426, 431}, what


async def test_what_comes_behind_a_handshake_is_heard_however_the_two_are_cut() -> None:
    async with serving(app=Echo()) as address:
        whole = handshake(address, "/", {"X": "x" * 5000})
        for at in (len(whole), len(whole) - 1, len(whole) + 3, 4096, 100):
            async with Connection.to(address) as connection:
                await connection.send(*cut(whole + masked(TEXT, b"early"), at), pause=0.002)
                assert await connection.status() == 101
                async with asyncio.timeout(20):
                    assert await connection.reader.readexactly(7) == b"\x81\x05early"


async def test_deadlines_hold_nobody_who_has_gone(settings: Settings) -> None:
    from hub.server.deadlines import bodies, heads

    async with serving(app=Echo()) as address:
        async with Connection.to(address) as first, Connection.to(address) as second, Connection.to(address) as third:
            await first.send(b"GET")
            await second.send(POST % b"/" + BODIES["begun"])
            await third.send(handshake(address, "/"))
            assert await third.status() == 101
            await await_for(lambda: (len(heads()), len(bodies())) == (1, 1), that="they are waited for")
        await await_for(lambda: (len(heads()), len(bodies())) == (0, 0), that="they are forgotten")
