"""A uvicorn server in the event loop of a test, with the hub's protocol class or a plain one."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import uvicorn

from hub.asgi import application
from hub.server.serve import config
from lab.harness.waiting import await_for

PLAIN = "websockets-sansio"

#: Arguments of :func:`serving`, by kind of server: the hub's own classes; its WebSocket class behind uvicorn's HTTP
#: class; uvicorn's own alone.
SERVERS: dict[str, dict[str, Any]] = {"lean": {}, "raw": {"http": "auto"}, "plain": {"http": "auto", "ws": PLAIN}}


@contextlib.asynccontextmanager
async def serving(port: int = 0, **overrides: object) -> AsyncIterator[str]:
    """Serve the hub's application on ``port``, by default a free one; yields ``host:port``.

    ``ws=PLAIN`` does without raw connections, ``http="auto"`` without :mod:`hub.server.http`.
    """
    listener = socket.create_server(("127.0.0.1", port))
    # The kernel shall not hold for a client what it does not read: that is what the tests look at.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
    defaults = {"app": application, "lifespan": "off", "timeout_graceful_shutdown": 1, "loop": "none"}
    settings = config(**{**defaults, **overrides})
    server = uvicorn.Server(settings)
    task = asyncio.create_task(server._serve([listener]))
    try:
        await await_for(lambda: server.started, that="the server has started")
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 20)


def handshake(address: str, path: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A client's request to open a socket; ``headers`` are more, or others."""
    lines = {
        "Host": address,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        **(headers or {}),
    }
    return "\r\n".join([f"GET {path} HTTP/1.1", *(f"{n}: {v}" for n, v in lines.items()), "", ""]).encode()


class RawClient:
    """A WebSocket client that keeps the bytes as they come, and reads only when told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        #: The head of the server's answer to the handshake.
        self.answer = b""

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(
        cls, address: str, path: str, headers: Mapping[str, str] | None = None
    ) -> "AsyncIterator[RawClient]":
        """Shake hands; what follows is frames."""
        client = await cls.knocking(address)
        client.writer.write(handshake(address, path, headers))
        try:
            await client.let_in()
            yield client
        finally:
            client.writer.transport.abort()

    @classmethod
    async def knocking(cls, address: str) -> "RawClient":
        """Connect, and send nothing yet."""
        host, _, port = address.partition(":")
        # A small receive buffer, so that what is not read soon waits in the server.
        return cls(*await asyncio.open_connection(host, int(port), limit=4096))

    async def let_in(self) -> None:
        """Read the server's answer to the handshake, which must be that the client may come in."""
        self.answer = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 20)
        assert self.answer.startswith(b"HTTP/1.1 101 "), self.answer

    async def frame(self) -> tuple[int, bytes, bytes]:
        """The next frame: opcode, payload, and all its bytes."""
        async with asyncio.timeout(20):
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
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionResetError):
                return await self.reader.read(-1)
        return b""
