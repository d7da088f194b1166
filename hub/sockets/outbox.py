"""What waits to be written to one socket."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from hub import metrics
from hub.conf import hub_settings
from hub.sockets.codes import Close

Send = Callable[[dict[str, Any]], Awaitable[None]]

#: Seconds a close frame may wait for a client that does not read.
CLOSE_TIMEOUT = 5.0


class Outbox:
    """Writes frames to one client through ASGI ``send``, in order, holding ``HUB_WRITE_BUFFER`` bytes at most.

    A task runs only while something waits, so an idle socket has none. ``write`` is where another way of writing (the
    raw frames of a server that offers its connection) takes over.
    """

    __slots__ = ("_ended", "_frames", "_send", "_size", "_task")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._frames: deque[str] = deque()
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self._ended = False

    def write(self, frames: Iterable[str]) -> None:
        """Queue text frames. A client that is too slow is closed with a code that tells it to come back."""
        if self._ended:
            return
        for frame in frames:
            self._frames.append(frame)
            self._size += len(frame)
        if self._size > hub_settings().write_buffer:
            self.close(Close.TOO_SLOW, "Too slow")
        elif self._task is None:
            self._task = asyncio.create_task(self._drain())

    def close(self, code: Close, reason: str) -> None:
        """Drop what waits and close the socket. Only the first call counts."""
        if self._ended:
            return
        self._ended = True
        self._frames.clear()
        metrics.CLOSED.labels(str(int(code))).inc()
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._close(code, reason))

    def end(self) -> None:
        """The client has gone: drop what waits, write no more."""
        self._ended = True
        self._frames.clear()
        if self._task is not None:
            self._task.cancel()

    async def _drain(self) -> None:
        try:
            while self._frames:
                frame = self._frames.popleft()
                self._size -= len(frame)
                await self._send({"type": "websocket.send", "text": frame})
            self._task = None
        except OSError:  # the client is gone; uvicorn's ClientDisconnected is one
            self._ended = True

    async def _close(self, code: Close, reason: str) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._send({"type": "websocket.close", "code": int(code), "reason": reason})
        except (OSError, TimeoutError):
            return  # gone, or not reading: the server's own keep-alive ends the connection
