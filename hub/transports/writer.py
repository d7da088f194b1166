"""The send buffer of one WebSocket."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.access.reasons import End
from hub.config import hub_settings
from hub.fanout.frames import Frame, FrameBatch
from hub.ops import metrics
from hub.server.protocol import CLOSE_TIMEOUT, RawConnection
from hub.transports import transport
from hub.transports.unread import Answer, answers

#: WebSocket's own limit for the reason in a close frame (RFC 6455, 5.5).
REASON_LIMIT = 123

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ends:
    """The close codes and reasons that the connection itself uses, for one protocol."""

    slow: tuple[int, str]
    fast: tuple[int, str]
    #: Replaces codes that a server may not send.
    portable: Callable[[int], int]


def _nothing() -> None:
    pass


class SendBuffer:
    """Writes frames to one client in order, and holds about ``HUB_WRITE_BUFFER`` bytes at most.

    The hub's own server (:mod:`hub.server.protocol`) provides the connection: frames go straight to it, and ``raw`` is
    the function that writes bytes. On other servers frames go through ASGI's ``send``, in a task that runs only while
    frames are in the buffer.

    Args:
        send: ASGI's.
        connection: the connection, if the server provides it.
        on_end: called once before the connection ends; nothing must be written after it.
        ends: of the endpoint's protocol.
    """

    __slots__ = (
        "_asked_for",
        "_connection",
        "_ended",
        "_ends",
        "_frames",
        "_on_end",
        "_send",
        "_serving",
        "_size",
        "_task",
        "raw",
    )

    def __init__(self, send: Send, connection: RawConnection | None, on_end: Callable[[], None], ends: Ends) -> None:
        self.raw: Callable[[bytes], object] | None = None
        self._send = send
        self._connection = connection
        self._on_end = on_end
        self._ends = ends
        self._serving = asyncio.current_task()
        self._frames: deque[Frame] | None = None
        self._size = 0
        self._asked_for = 0
        self._task: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def has_ended(self) -> bool:
        """Whether the connection has ended."""
        return self._ended

    def open(self) -> None:
        """The WebSocket has been accepted: start writing."""
        if self._connection is not None:
            self.raw = self._connection.attach(self.end, self._too_fast)
            if self.raw is None:
                self.end()
            self._bound(0)

    async def answer(self, block: FrameBatch, who: object) -> None:
        """Write a reply of any length, and wait until the client has read most of it.

        Until then the buffer may exceed ``HUB_WRITE_BUFFER`` by that much. A client that takes too long is closed, and
        so may be one of ``who`` if they read too little of too much (:mod:`hub.transports.unread`).
        """
        size = sum(map(len, block.raw)) if self.raw is not None else block.size
        self._bound(size)
        self.write(block)
        held = Answer(who, size, self._make_way)
        answers.hold(held)
        try:
            async with asyncio.timeout(transport.DRAIN_TIMEOUT):
                if self.raw is not None and self._connection is not None:
                    await self._connection.drained()
                elif self._task is not None:
                    await asyncio.wait([self._task])
        except TimeoutError:
            self._too_slow()
        finally:
            answers.let_go(held)
        self._bound(0)

    def _bound(self, asked_for: int) -> None:
        self._asked_for = asked_for
        if self.raw is not None and self._connection is not None:
            self._connection.watch(self._too_slow, asked_for)

    def write(self, block: FrameBatch) -> None:
        """Write frames. A slow consumer is closed with a code that tells it to reconnect."""
        if self._ended:
            return
        if self.raw is not None:
            for data in block.raw:
                if self.raw is not None:  # the last write may have found the client too slow
                    self.raw(data)
            return
        if self._frames is None:
            self._frames = deque()
        self._frames.extend(block.frames)
        self._size += block.size
        if self._size > hub_settings().write_buffer + self._asked_for:
            self._too_slow()
        elif self._task is None:
            self._task = asyncio.create_task(self._drain())

    def close(self, code: int, reason: str) -> None:
        """Drop the buffer and close the connection. Only the first call counts.

        A reason that is longer than a close frame may hold is cut.
        """
        if self._ended:
            return
        reason = reason.encode()[:REASON_LIMIT].decode(errors="ignore")
        was_raw = self.raw is not None
        self.end()
        metrics.CLOSED.labels(str(int(code))).inc()
        if was_raw and self._connection is not None:
            self._connection.close(int(code), reason)
        else:
            self._task = asyncio.create_task(self._close(code, reason))

    def end(self) -> None:
        """The connection has ended: drop the buffer and stop writing. May be repeated."""
        if self._ended:
            return
        self._ended = True
        self.raw = None
        self._frames = None
        if self._task is not None:
            self._task.cancel()
        on_end, self._on_end = self._on_end, _nothing
        on_end()

    def _too_slow(self) -> None:
        self.close(*self._ends.slow)

    def _make_way(self) -> None:
        is_lent = self.raw is not None
        self._too_slow()
        if is_lent and self._connection is not None:
            self._connection.abort()  # what waits is what takes the room

    def _too_fast(self) -> None:
        self.close(*self._ends.fast)

    async def _drain(self) -> None:
        try:
            while self._frames:
                frame = self._frames.popleft()
                kind = "text" if isinstance(frame, str) else "bytes"
                await self._send({"type": "websocket.send", kind: frame})
                self._size -= len(frame)
            self._task = None
        except OSError:  # the client has disconnected: uvicorn's ClientDisconnected is an OSError
            self.end()

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._send({"type": "websocket.close", "code": self._ends.portable(int(code)), "reason": reason})
        except OSError:
            return
        except TimeoutError:
            # It does not read at all, and this server cannot abort the connection: only the task can be cancelled.
            if self._serving is not None:
                self._serving.cancel()


def is_restart(disconnect: Mapping[str, Any]) -> bool:
    """Whether a WebSocket ended because this server stops.

    A client may close with that code too, and would then stay in the presence lists for good: its close has a reason
    (an empty one mostly), that of the server has none.
    """
    return disconnect.get("code") == End.SERVER_STOPS.simple and "reason" not in disconnect
