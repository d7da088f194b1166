"""WebSocket as far as a load generator needs it: the handshake, frames from a client, and frames from a server."""

import struct

#: The accept key that answers it is not checked: who is measured is no stranger.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA

#: Stands exactly once in each message that the bench publishes, so that counting it counts messages. JSON leaves it
#: as it is, and it cannot be part of a frame's header unless the payload has exactly 0x5e7e bytes.
MARK = b"^~"


def message(size: int) -> str:
    """A text of ``size`` characters (at least 2) with one mark."""
    return MARK.decode() + "x" * (size - len(MARK))


def upgrade(host: str, path: str, headers: tuple[str, ...] = ()) -> bytes:
    """The request that opens a socket; ``headers`` are whole lines."""
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *headers,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One masked frame. The mask is zero, which RFC 6455 allows and which leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + b"\0\0\0\0" + payload


class Frames:
    """Takes bytes as they come and gives whole frames from a server (unmasked, unfragmented)."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames that ``data`` completes, each as (opcode, payload)."""
        data = self._rest + data
        found, start = [], 0
        while (end := frame_end(data, start)) is not None and end[1] <= len(data):
            found.append((data[start] & 0x0F, data[end[0] : end[1]]))
            start = end[1]
        self._rest = data[start:]
        return found


def frame_end(data: bytes, start: int) -> tuple[int, int] | None:
    """Where the payload of the frame at ``start`` begins and ends; None while its header is not whole."""
    if len(data) < start + 2:
        return None
    size, head = data[start + 1] & 0x7F, start + 2
    extra = {126: 2, 127: 8}.get(size, 0)
    if extra:
        if len(data) < head + extra:
            return None
        size = int.from_bytes(data[head : head + extra], "big")
    return head + extra, head + extra + size


def pong(ping: bytes) -> bytes:
    """The answer to a ping with this payload."""
    return client_frame(ping, PONG)
