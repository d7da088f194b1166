"""A client that reads nothing unless it is told to, and for which the kernel holds next to nothing."""

import asyncio
import socket
from typing import Self

from tests.hub.serving import handshake


class SlowReader:
    """A WebSocket client over a socket with a small buffer, which closes at the end of ``with``."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.socket.close()

    async def come(self, address: str, path: str = "/") -> None:
        """Shake hands, and read the answer to that."""
        host, _, port = address.partition(":")
        await asyncio.get_running_loop().sock_connect(self.socket, (host, int(port)))
        await self.send(handshake(address, path))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await self.read(1)
        assert answer.startswith(b"HTTP/1.1 101 "), answer

    async def send(self, data: bytes) -> None:
        """Send as it is."""
        async with asyncio.timeout(20):
            await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def say(self, text: bytes) -> None:
        """Send a text of 126 bytes at least, and less than 64 KiB."""
        await self.send(b"\x81\xfe" + len(text).to_bytes(2, "big") + b"\0\0\0\0" + text)

    async def read(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        data = b""
        async with asyncio.timeout(20):
            while len(data) < count:
                data += (more := await asyncio.get_running_loop().sock_recv(self.socket, count - len(data)))
                assert more, "the server has ended the connection"
        return data

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload, read in small pieces."""
        first, length = await self.read(2)
        if length >= 126:
            length = int.from_bytes(await self.read(2 if length == 126 else 8), "big")
        payload = b""
        while len(payload) < length:
            payload += await self.read(min(2048, length - len(payload)))
        return first & 0x0F, payload
