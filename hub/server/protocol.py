"""The hub's WebSocket protocol for uvicorn: uvicorn's own, which also lends its connection to the application.

What it adds (``docs/decisions/010-raw-writer.md`` says why, and what happens when uvicorn changes):

* ``scope["extensions"]["hub.raw"]["connection"]`` is a :class:`RawConnection`, through which the relay writes frames
  that it has made once for all sockets, without a coroutine per socket and frame;
* a socket whose buffer passes ``HUB_WRITE_BUFFER`` is told of at once;
* what only the handshake needed is let go after it, and an idle socket holds no queues and no timers.

:class:`hub.server.fast_path.FastWebSocketProtocol` goes further where the handshake has been read already.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from websockets.exceptions import SecurityError

from hub.config import hub_settings
from hub.logs import library_logger
from hub.server.ping_wheel import Slice, wheels
from hub.server.reading import FrameEvents, RateLimitedProtocol
from hub.server.refusing import refuse

#: The name of the ASGI extension.
EXTENSION = "hub.raw"

#: Seconds a close frame may wait behind what a slow client has not read before the connection is cut.
CLOSE_TIMEOUT = 5.0

#: Bytes that may still wait when what was written is as good as taken, and seconds between two looks.
LITTLE = 64 * 1024
FIRST_LOOK, LONGEST_LOOK = 0.01, 0.2


# Two lines at INFO for every socket would cost more than the handshake and say less than /metrics.
_logger = library_logger("hub.websocket")
_logger.setLevel(logging.WARNING)


class RawConnection(Protocol):
    """What the extension offers, from the acceptance of the socket to its end."""

    def attach(self, on_end: Callable[[], None], on_fast: Callable[[], None]) -> Callable[[bytes], object] | None:
        """Begin to write raw: returns the function that takes whole frames, or None where the socket has ended.

        ``on_end`` is called before anything that ends the socket is sent, so that no frame ever follows a close frame:
        after it the function must not be called. ``on_fast`` is called once where the client sends more frames, of
        whatever kind, than ``HUB_FRAME_BURST`` and ``HUB_FRAME_RATE`` allow, and must close the socket.
        """

    async def drained(self) -> None:
        """Wait until little of what was written waits; returns at once where the socket has ended."""

    def watch(self, on_slow: Callable[[], None], more: int = 0) -> None:
        """From now on ``on_slow`` is called when more than ``HUB_WRITE_BUFFER`` and ``more`` bytes wait."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame now, behind what waits; cut the connection if it cannot be sent in time."""

    def abort(self) -> None:
        """Cut the connection now, and drop what waits."""


class _Gate:
    """An event that is usually set, and then holds nothing."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] | None = None

    def set(self) -> None:
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    def clear(self) -> None:
        if self._waiters is None:
            self._waiters = []

    async def wait(self) -> None:
        while self._waiters is not None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter


class HubWebSocketProtocol(RateLimitedProtocol):
    """uvicorn's protocol with a raw writer; see the module. How it reads, :mod:`hub.server.reading` says."""

    logger = _logger

    _on_end: Callable[[], None] | None = None
    _on_slow: Callable[[], None] | None = None
    _pinged_in: Slice | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = _logger
        self._hold_little()

    def _hold_little(self) -> None:
        self.queue = FrameEvents()
        self.writable = _Gate()  # type: ignore[assignment]  # all that uvicorn uses of its asyncio.Event

    # --- RawConnection --------------------------------------------------------------------------------------------

    def attach(self, on_end: Callable[[], None], on_fast: Callable[[], None]) -> Callable[[bytes], object] | None:
        if not self.handshake_complete or self.close_sent or self.disconnected or self.transport.is_closing():
            return None
        self._on_end, self._on_fast = on_end, on_fast
        return self.transport.write

    async def drained(self) -> None:
        little, pause = min(LITTLE, hub_settings().write_buffer // 4), FIRST_LOOK
        # The transport tells of one mark only, and that is the one above which the client is too slow.
        while self._on_end is not None and self.transport.get_write_buffer_size() > little:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK)

    def watch(self, on_slow: Callable[[], None], more: int = 0) -> None:
        if self._on_end is not None:
            self._on_slow = on_slow
            self.transport.set_write_buffer_limits(high=hub_settings().write_buffer + more)

    def close(self, code: int, reason: str) -> None:
        self._end()
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.queue.clear()  # what it said before is as late as what it says from now on
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CLOSE_TIMEOUT, self.transport.abort)
        self.read_paused = False
        self.go_on_reading()  # the client's own close frame is behind what it has sent

    def abort(self) -> None:
        self._end()
        self.transport.abort()

    def _end(self) -> None:
        on_end, self._on_end, self._on_slow, self._on_fast = self._on_end, None, None, None
        if on_end is not None:
            on_end()

    # --- uvicorn's protocol: everything that ends a socket ends the raw writer first ------------------------------

    # Not a coroutine of its own: each one costs every open socket a quarter of a KiB.
    def run_asgi(self) -> Coroutine[Any, Any, None]:
        self.scope["extensions"][EXTENSION] = {"connection": self}
        return super().run_asgi()

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self._end()
        await super().send(message)
        if self.close_timer is not None and message["type"] == "websocket.close":
            # uvicorn's only closes the transport, which waits for the client to take what waits.
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(CLOSE_TIMEOUT, self.transport.abort)
            self.go_on_reading()
        if message["type"] == "websocket.accept":
            # Several KiB per socket that nobody reads any more.
            self.request.headers.clear()
            self.response.headers.clear()
            del self.request, self.response
            self.go_on_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._on_slow is not None:
            self._on_slow()

    def eof_received(self) -> None:
        # The transport closes after this, and takes what is still written until then.
        self._end()
        super().eof_received()
        self.loop.call_soon(self._cut_in_time)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._cut_in_time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)
        if scope := getattr(self, "scope", None):
            scope["extensions"].pop(EXTENSION, None)

    def shutdown(self) -> None:
        self._end()
        if self.transport.is_closing():
            self.transport.abort()  # both close frames are sent; uvicorn would send one again, which raises
        else:
            super().shutdown()
            self._cut_in_time()

    def handle_close(self, event: Any) -> None:
        self._end()
        super().handle_close(event)
        self._cut_in_time()

    def handle_parser_exception(self) -> None:
        self._end()
        super().handle_parser_exception()
        self._cut_in_time()

    def keepalive_timeout(self) -> None:
        self._end()
        super().keepalive_timeout()
        self._cut_in_time()

    def _cut_in_time(self) -> None:
        """The transport closes once the client has taken what waits. Nobody may be there to take it."""
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self.loop.call_later(CLOSE_TIMEOUT, self.transport.abort)

    def start_keepalive(self) -> None:
        if self.ping_interval and self.ping_interval == self.ping_timeout:
            self._pinged_in = wheels().of(self.ping_interval).add(self)
        else:
            super().start_keepalive()  # the wheel looks for the answer when it comes round again

    def stop_keepalive(self) -> None:
        super().stop_keepalive()
        if self._pinged_in is not None:
            self._pinged_in.pop(self, None)
            self._pinged_in = None

    # --- hub.server.ping_wheel.Pinged --------------------------------------------------------------------------------

    def ping(self, payload: bytes, frame: bytes) -> None:
        """Send ``frame``, a ping with ``payload``; or end, where the last one has not been answered."""
        if self.close_sent or self.transport.is_closing():
            return
        if self.pending_ping_payload is not None:
            self.keepalive_timeout()
            return
        self.pending_ping_payload = payload
        self.transport.write(frame)

    # --- handshakes that are none ----------------------------------------------------------------------------------

    def _take_frames(self, data: bytes) -> tuple[int, bytes]:
        taken = super()._take_frames(data)
        if not self.handshake_initiated:
            self._refuse_handshake()
        return taken

    def _refuse_handshake(self) -> None:
        """It came as a whole, and websockets does not take it: uvicorn would leave the client without an answer."""
        self.handshake_complete = self.close_sent = True
        status, sentence = 400, "This is not a handshake for a WebSocket."
        if isinstance(self.conn.handshake_exc, SecurityError):
            status, sentence = 431, str(self.conn.handshake_exc)
        refuse(self.transport, self, status, sentence)
