"""A client that breaks the rules of HTTP and WebSockets in every way, as fast as it can, for a bounded time.

``python -m lab.chaos.hostile_wire PORT SECONDS SEED`` does it to a server on the loopback interface. The same seed
gives the same bytes for each connection; how many connections there are is a question of time.
"""

import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

HOST = "127.0.0.1"

#: Connections at the same time, seconds that each lasts at most, and connections in all at most.
SENDERS, LONGEST, MOST = 12, 1.5, 20_000

PATHS = ("/ws/notifications/", "/ws/online/", "/ws/nowhere/", "/connection/websocket", "/")

_TEXTS = (
    b"", b"{}", b'{"message": "x"}', b'{"id":1,"connect":{}}', b"[" * 500, b"\xff\xfe", b"\xed\xa0\x80", b"\xc3",
    b"\0" * 70, "é🎉".encode(), b"x" * 60_000, b"\x03\xe8", b"\x03\xe7", b"\x13\x88bye", b"\x03",
)  # fmt: skip  # one in a line says no more

_LENGTHS = (0, 1, 2, 124, 125, 126, 127, 1000, 65_535, 65_536, 65_537, 2**31, 2**63 - 1, 2**63, 2**64 - 1)

#: What one connection sends, and the seconds that it waits between two pieces.
Pieces = tuple[Iterator[bytes], float]


def frame(chance: random.Random) -> bytes:
    """A frame that may be right, or wrong in one way or several."""
    payload = chance.choice(_TEXTS)
    first = chance.choice((0x80, 0x00)) | chance.choice((0, 1, 2, 8, 9, 10, *range(16)))
    if chance.random() < 0.1:
        first |= chance.choice((0x40, 0x20, 0x10, 0x70))
    masked = 0x80 if chance.random() < 0.95 else 0
    length = len(payload) if chance.random() < 0.9 else chance.choice(_LENGTHS)
    if length < 126 and chance.random() < 0.95:
        size = bytes((masked | length,))
    elif length < 65_536 and chance.random() < 0.95:
        size = bytes((masked | 126,)) + length.to_bytes(2, "big")
    else:
        size = bytes((masked | 127,)) + length.to_bytes(8, "big")
    mask = chance.randbytes(4) if masked else b""
    if mask:
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload[:200])) + payload[200:]
    return bytes((first,)) + size + mask + payload


def handshake(chance: random.Random) -> bytes:
    """A right handshake for one of the sockets."""
    lines = [
        f"GET {chance.choice(PATHS)} HTTP/1.1",
        f"Host: {HOST}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _frames(chance: random.Random) -> Pieces:
    data = b"".join(frame(chance) for _ in range(chance.randrange(1, 60)))
    return iter((handshake(chance), data[: chance.randrange(len(data) + 1)] if chance.random() < 0.3 else data)), 0.0


def _flood(chance: random.Random) -> Pieces:
    first = chance.choice((0x80, 0x00, 0x81, 0x01, 0x82, 0x02, 0x89, 0x8A))
    tiny = bytes((first, 0x80 | chance.randrange(2))) + bytes(4)
    begin = b"\x01\x80\0\0\0\0" if first in (0x80, 0x00) else b""
    size = 256 * 1024 // len(tiny)
    return iter((handshake(chance), begin, *[tiny * size] * 4)), 0.0


def _trickle(chance: random.Random) -> Pieces:
    data = handshake(chance) + b"".join(frame(chance) for _ in range(5))
    return (data[at : at + 1] for at in range(len(data))), 0.002


def _half(chance: random.Random) -> Pieces:
    whole = handshake(chance)
    return iter((whole[: chance.randrange(len(whole))],)), 0.0


def _long_head(chance: random.Random) -> Pieces:
    begin = chance.choice((b"GET /", b"GET / HTTP/1.1\r\nCookie: ", b"GET / HTTP/1.1\r\n", handshake(chance)[:-2]))
    more = chance.choice((b"x" * 65_536, b"X: 1\r\n" * 10_000, b"\r\n" * 30_000, b"\0" * 65_536))
    return iter((begin, *[more] * 8)), 0.0


def _no_body(chance: random.Random) -> Pieces:
    length = chance.choice((b"Content-Length: 1000", b"Transfer-Encoding: chunked", b"Content-Length: 99999999999"))
    path = chance.choice((b"/accounts/login/", b"/connection/http_stream", b"/emulation", b"/api/publish"))
    return iter((b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\n%b\r\n\r\nabc" % (path, length),)), 0.0


def _noise(chance: random.Random) -> Pieces:
    return iter((chance.randbytes(chance.randrange(2000)),)), 0.0


def _many_requests(chance: random.Random) -> Pieces:
    return iter((b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * chance.randrange(1, 200),)), 0.0


KINDS: tuple[Callable[[random.Random], Pieces], ...] = (
    _frames, _frames, _frames, _flood, _trickle, _half, _long_head, _no_body, _noise, _many_requests,
)  # fmt: skip  # one in a line says no more


async def _connection(port: int, chance: random.Random) -> str:
    """One hostile connection; returns its kind."""
    kind = chance.choice(KINDS)
    pieces, pause = kind(chance)
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(LONGEST):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause)
                while await reader.read(65_536):
                    pass
            finally:
                writer.transport.abort()
    return kind.__name__.strip("_")


async def send_for(port: int, seconds: float, seed: int) -> Counter[str]:
    """Be hostile for so long; returns how many connections of which kind there were."""
    sent = Counter[str]()
    end = time.monotonic() + seconds
    numbers = iter(range(MOST))

    async def send() -> None:
        for number in numbers:
            if time.monotonic() > end:
                return
            # Of each connection by itself, so that the bytes do not depend on which is quicker.
            sent[await _connection(port, random.Random(f"{seed}/{number}"))] += 1

    await asyncio.gather(*(send() for _ in range(SENDERS)))
    return sent


if __name__ == "__main__":
    given_port, given_seconds, given_seed = sys.argv[1:]
    print(sum(asyncio.run(send_for(int(given_port), float(given_seconds), int(given_seed))).values()))
