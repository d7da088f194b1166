"""A uvicorn server in the event loop of a test, with the hub's protocol class or a plain one."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping

import uvicorn

from hub.asgi import application
from hub.server import config
from tests.support.waiting import await_for

PLAIN = "websockets-sansio"


@contextlib.asynccontextmanager
async def serving(**overrides: object) -> AsyncIterator[str]:
    """Serve the hub's application on a free port; yields ``host:port``. ``ws=PLAIN`` does without raw connections."""
    listener = socket.create_server(("127.0.0.1", 0))
    # The kernel shall not hold for a client what it does not read: that is what the tests look at.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
    settings = config(app=application, lifespan="off", timeout_graceful_shutdown=1, loop="none", **overrides)
    server = uvicorn.Server(settings)
    task = asyncio.create_task(server._serve([listener]))
    try:
        await await_for(lambda: server.started, that="the server has started")
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 10)


class RawClient:
    """A WebSocket client that keeps the bytes as they come, and reads only when told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(
        cls, address: str, path: str, headers: Mapping[str, str] | None = None
    ) -> "AsyncIterator[RawClient]":
        """Shake hands; what follows is frames."""
        host, _, port = address.partition(":")
        # A small receive buffer, so that what is not read soon waits in the server.
        reader, writer = await asyncio.open_connection(host, int(port), limit=4096)
        lines = {
            "Host": address,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            **(headers or {}),
        }
        writer.write(f"GET {path} HTTP/1.1\r\n".encode() + "".join(f"{n}: {v}\r\n" for n, v in lines.items()).encode())
        writer.write(b"\r\n")
        try:
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert answer.startswith(b"HTTP/1.1 101 "), answer
            yield cls(reader, writer)
        finally:
            writer.transport.abort()

    async def frame(self) -> tuple[int, bytes, bytes]:
        """The next frame: opcode, payload, and all its bytes."""
        async with asyncio.timeout(5):
            head = await self.reader.readexactly(2)
            assert head[0] & 0x80, "a fragment"
            length, extended = head[1], b""
            if length >= 126:
                extended = await self.reader.readexactly(2 if length == 126 else 8)
                length = int.from_bytes(extended, "big")
            payload = await self.reader.readexactly(length)
        return head[0] & 0x0F, payload, head + extended + payload

    async def send(self, opcode: int, payload: bytes) -> None:
        """A masked frame with a mask of zeros; payloads up to 64 KiB."""
        assert len(payload) < 65536
        length = len(payload)
        size = bytes((0x80 | length,)) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
        self.writer.write(bytes((0x80 | opcode,)) + size + b"\0\0\0\0" + payload)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything until the server ends the connection."""
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionResetError):
                return await self.reader.read(-1)
        return b""
