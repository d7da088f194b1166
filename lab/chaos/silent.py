"""A socket that shakes hands and then does nothing: it reads nothing, answers no ping and no close."""

import asyncio
import socket
from pathlib import Path

from lab.chaos.people import Person

#: Bytes that the kernel keeps for it, about: the rest waits in the hub.
RECEIVE_BUFFER = 4096


class SilentSocket:
    """Made by :meth:`connected`; needs :meth:`close`."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    @classmethod
    async def connected(cls, port: int, path: str, person: Person | None = None) -> "SilentSocket":
        """Shake hands with the web process at ``port``, as ``person`` or as a guest."""
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.settimeout(0)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            *([f"Authorization: Bearer {person.token}"] if person else []),
        ]
        await loop.sock_sendall(sock, ("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = b""
        async with asyncio.timeout(10):
            while not answer.endswith(b"\r\n\r\n"):
                answer += await loop.sock_recv(sock, 1)
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        return cls(sock)

    def was_closed(self) -> bool:
        """Whether the server has let go of the connection; a client that reads nothing learns of it much later."""
        here, there = self._socket.getsockname()[1], self._socket.getpeername()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, *_ = line.split()
            if _port(local) == there and _port(remote) == here:
                return state != _ESTABLISHED
        return True

    def close(self) -> None:
        """Go, in the middle of whatever it is."""
        self._socket.close()


#: The state of a connection that both ends have (``include/net/tcp_states.h``).
_ESTABLISHED = "01"


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
