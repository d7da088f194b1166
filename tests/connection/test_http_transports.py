"""Streams over HTTP and the commands that come beside them: what only they can get wrong."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from hub import presence
from hub.access import registry
from hub.bus import announcer
from hub.endpoints.centrifuge import emulation, sessions
from hub.limits import connections
from hub.publishing import publish_many
from hub.session import connection_presence
from hub.transports.http_stream import HttpStream
from hub.transports.transport import LONG
from hub.users import user_id
from lab.harness.waiting import await_for
from tests.connection.node import needs_node, node_client
from tests.connection.test_authentication import session_of
from tests.connection.wire import CONNECT
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


class Stream:
    """A stream of HTTP, read from its socket, and its commands."""

    def __init__(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        #: asyncio gives it a type that can only write.
        self.transport: Any = writer.transport
        self._address = address
        self._reader = reader
        self.session: dict[str, str] = {}

    async def said(self, kind: str) -> dict[str, Any]:
        """The next line that has this key: of an answer, or of a push."""
        async with asyncio.timeout(20):
            while line := await self._reader.readline():
                if line.startswith(b"{") and kind in (found := json.loads(line)) | found.get("push", {}):
                    return dict(found.get("push", found))
        raise AssertionError(f"Not said: {kind}")

    async def begin(self) -> None:
        found = (await self.said("connect"))["connect"]
        self.session = {"session": found["session"], "node": found["node"]}

    async def send(self, frame: str) -> int:
        """Send commands; returns the status of the answer."""
        async with httpx.AsyncClient(timeout=20) as http:
            response = await http.post(f"http://{self._address}/emulation", json={**self.session, "data": frame})
        return response.status_code


@contextlib.asynccontextmanager
async def streaming(address: str, headers: dict[str, str] | None = None) -> AsyncIterator[Stream]:
    """A client of ``/connection/http_stream`` that has connected."""
    host, _, port = address.partition(":")
    connection = socket.socket()
    # What is not read shall not wait in this kernel either.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    connection.setblocking(False)  # noqa: FBT003  # its only form
    await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=connection, limit=256 * 1024)
    lines = {"Host": address, "Content-Length": str(len(CONNECT)), **(headers or {})}
    head = ["POST /connection/http_stream HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    writer.write("\r\n".join(head).encode() + CONNECT.encode())
    try:
        stream = Stream(address, reader, writer)
        await stream.begin()
        yield stream
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@pytest.mark.slow
async def test_client_that_takes_nothing_more_is_not_there_and_then_dropped(
    address: str, ada: User, room: str, settings: Any
) -> None:
    settings.HUB_WRITE_BUFFER = 256 * 1024
    async with streaming(address, await session_of(ada)) as stream:
        assert await stream.send(json.dumps({"id": 2, "subscribe": {"channel": room}})) == 204
        await stream.said("subscribe")
        assert await presence.current().people(room) == [f"u{user_id(ada)}"]
        stream.transport.pause_reading()
        await sync_to_async(publish_many)([("everyone", {"type": "a", "text": "x" * 4000}) for _ in range(400)])

        async def nobody_is_there() -> bool:
            listed = await presence.current().people(connection_presence.listed_at(room))
            return not listed and not await presence.current().people(room)

        await await_for(nobody_is_there, timeout=20, that="who was too slow has left")
        assert not len(registry.current())
        # Until then it is counted: else anybody could hold any number of such connections.
        await await_for(lambda: not connections.by_user, timeout=20, that="the connection is dropped")


async def test_long_answers_to_the_first_frame_come_as_they_are_read(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, waiting = HttpStream.answer, []

    async def noted(stream: HttpStream, text: str, who: object) -> None:
        waiting.append(stream._size)
        await answer(stream, text, who)

    monkeypatch.setattr(HttpStream, "answer", noted)
    await sync_to_async(publish_many)([("everyone", {"type": "a", "text": "x" * 4000}) for _ in range(60)])
    asked = [json.dumps({"id": number, "history": {"channel": "everyone", "limit": 60}}) for number in range(2, 6)]
    async with (
        httpx.AsyncClient(timeout=20) as http,
        http.stream(
            "POST", f"http://{address}/connection/http_stream", content="\n".join([CONNECT, *asked])
        ) as response,
    ):
        lengths = {}
        async for line in response.aiter_lines():
            if "history" in (found := json.loads(line)):
                lengths[found["id"]] = len(found["history"]["publications"])
            if len(lengths) == len(asked):
                break
    assert lengths == dict.fromkeys(range(2, 6), 60)
    assert len(waiting) == 4 and max(waiting) < LONG  # when the next one is made, the one before has been taken


@pytest.mark.slow
async def test_client_whose_commands_pile_up_is_ended(address: str) -> None:
    async with streaming(address) as stream:
        client = sessions.find(stream.session["session"])
        assert client is not None
        async with client._lock:  # as while the database hangs
            sent = [asyncio.create_task(stream.send("{}")) for _ in range(emulation.UNDER_WAY)]
            await await_for(lambda: emulation._under_way.total() == len(sent), that="all of them wait")
            assert await stream.send("{}") == 204
            assert (await stream.said("disconnect"))["disconnect"]["code"] == 3013
        assert await asyncio.gather(*sent) == [204] * len(sent)
    assert not emulation._under_way


async def test_commands_of_a_session_that_nobody_has_made_reach_no_other_process(address: str) -> None:
    passed: list[Any] = []
    async with streaming(address) as stream:
        stream.session["node"] = "0a1b"  # as if the stream were another process's
        made = stream.session["session"]
        with announcer.overheard(passed.extend):
            other_mark, other_secret = made[:-1] + "10"[made[-1] == "1"], "BA"[made[0] == "B"] + made[1:]
            for session in ("x", other_mark, other_secret, "é" * 64):
                stream.session["session"] = session
                assert await stream.send("{}") == 204
            assert passed == []
            stream.session["session"] = made
            assert await stream.send("{}") == 204
    assert [one.channel for one in passed] == ["node:0a1b"]


async def test_commands_for_another_process_have_the_pace_of_frames(address: str, settings: Settings) -> None:
    settings.HUB_FRAME_BURST, settings.HUB_FRAME_RATE = 3, 0.001
    async with streaming(address) as stream:
        stream.session["node"] = "0a1b"
        assert [await stream.send("{}") for _ in range(5)] == [204, 204, 204, 429, 429]


async def test_client_whose_commands_are_cut_off_is_nobodys_fault(
    address: str, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = asyncio.Event()
    take = emulation._take

    async def take_and_tell(receive: Any) -> int:
        try:
            return await take(receive)
        finally:
            taken.set()

    monkeypatch.setattr(emulation, "_take", take_and_tell)
    host, _, port = address.partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST /emulation HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1000\r\n\r\n{{".encode())
    await writer.drain()
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    async with asyncio.timeout(20):
        await taken.wait()
    async with httpx.AsyncClient(timeout=20) as http:
        assert (await http.get(f"http://{address}/emulation")).status_code == 405
    assert not [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("transport", ["websocket", "http_stream", "sse"])
async def test_what_one_transport_takes_all_take(address: str, open_namespace: str, transport: str) -> None:
    """The envelope of a command has two characters for each quotation mark."""
    async with node_client(address, transport) as client:
        await client.wait("connected")
        await client.do("subscribe", channel="open:1")
        await client.wait("open:1 subscribed")
        await client.do("publish", channel="open:1", data='"' * 20_000)
        assert (await client.wait("open:1 publication"))["data"] == '"' * 20_000


async def test_frame_that_is_too_long_ends_the_client_as_on_a_websocket(address: str) -> None:
    async with streaming(address) as stream:
        assert await stream.send("x" * 70_000) == 204
        assert (await stream.said("disconnect"))["disconnect"]["code"] == 1009


@pytest.mark.parametrize(
    "body", [b"\xff", b'{"session":"x","node":"0","data":"\xed\xa0\x80"}', b'{"session":"\xff","node":"0","data":""}']
)
async def test_commands_that_are_no_text_are_refused(address: str, body: bytes) -> None:
    async with httpx.AsyncClient(timeout=20) as http:
        assert (await http.post(f"http://{address}/emulation", content=body)).status_code == 400
