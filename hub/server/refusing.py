"""Answers of the server itself, before any application has a request."""

import asyncio
from http import HTTPStatus
from typing import Any

from hub.server.deadlines import bodies, heads

#: Bytes that are still read of a client that was refused, and seconds until its connection is cut. One that was ended
#: at once would answer what is still under way with a reset, which may destroy the answer before it is read.
LINGER_BYTES, LINGER = 512 * 1024, 2.0


class _Lingering(asyncio.Protocol):
    """Stays with a connection whose client was refused, until that has read why."""

    def __init__(self, transport: Any, protocol: Any) -> None:
        self._transport = transport
        self._protocol = protocol
        self._left = LINGER_BYTES
        self._timer = asyncio.get_running_loop().call_later(LINGER, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._protocol.connection_lost(exc)


def refuse(
    transport: Any, protocol: Any, status: int, sentence: str, *, retry_after: int = 0, lingers: bool = True
) -> None:
    """Answer with ``status`` and end the connection of ``protocol``, which learns only that it has ended.

    Args:
        sentence: what is wrong, for people.
        retry_after: seconds after which another try makes sense; 0 says nothing of that.
        lingers: whether the connection may stay until the answer has been read; it takes a descriptor until then.
    """
    body = f"{sentence}\n".encode()
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: text/plain; charset=utf-8",
        f"content-length: {len(body)}",
        "connection: close",
        *([f"retry-after: {retry_after}"] if retry_after else []),
    ]
    heads().stop(transport)
    bodies().stop(transport)
    transport.write("".join(f"{line}\r\n" for line in [*head, ""]).encode() + body)
    if not lingers:
        transport.close()
        return
    transport.set_protocol(_Lingering(transport, protocol))
    if transport.can_write_eof():
        transport.write_eof()
    transport.resume_reading()
