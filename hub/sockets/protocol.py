"""The hub's WebSocket protocol for uvicorn: uvicorn's own, which also lends its connection to the application.

What it adds (``docs/decisions/010-raw-writer.md`` says why, and what happens when uvicorn changes):

* ``scope["extensions"]["hub.raw"]["connection"]`` is a :class:`RawConnection`, through which the relay writes frames
  that it has made once for all sockets, without a coroutine per socket and frame;
* a socket whose buffer passes ``HUB_WRITE_BUFFER`` is told of at once;
* what only the handshake needed is let go after it, and an idle socket holds no queues.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from hub.conf import hub_settings

#: The name of the ASGI extension.
EXTENSION = "hub.raw"

#: Seconds a close frame may wait behind what a slow client has not read before the connection is cut.
CLOSE_TIMEOUT = 5.0


# Two lines at INFO for every socket would cost more than the handshake and say less than /metrics.
_logger = logging.getLogger("hub.websocket")
_logger.setLevel(logging.WARNING)


class RawConnection(Protocol):
    """What the extension offers, from the acceptance of the socket to its end."""

    def attach(self, on_end: Callable[[], None]) -> Callable[[bytes], object] | None:
        """Begin to write raw: returns the function that takes whole frames, or None where the socket has ended.

        ``on_end`` is called before anything that ends the socket is sent, so that no frame ever follows a close frame:
        after it the function must not be called.
        """

    async def drained(self) -> None:
        """Wait until little of what was written waits; returns at once where the socket has ended."""

    def watch(self, on_slow: Callable[[], None]) -> None:
        """From now on ``on_slow`` is called when more than ``HUB_WRITE_BUFFER`` bytes wait."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame now, behind what waits; cut the connection if it cannot be sent in time."""


class _Events:
    """The queue between the connection and the application: usually empty, and then it holds nothing."""

    __slots__ = ("_events", "_waiter")

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._waiter: asyncio.Future[None] | None = None

    def put_nowait(self, event: Any) -> None:
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> Any:
        while not self._events:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._events.pop(0)

    def empty(self) -> bool:
        return not self._events


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


class HubWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol with a raw writer; see the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = _logger
        self.queue = _Events()  # type: ignore[assignment]  # all that uvicorn uses of its asyncio.Queue
        self.writable = _Gate()  # type: ignore[assignment]  # all that uvicorn uses of its asyncio.Event
        self._on_end: Callable[[], None] | None = None
        self._on_slow: Callable[[], None] | None = None

    # --- RawConnection --------------------------------------------------------------------------------------------

    def attach(self, on_end: Callable[[], None]) -> Callable[[bytes], object] | None:
        if not self.handshake_complete or self.close_sent or self.disconnected or self.transport.is_closing():
            return None
        self._on_end = on_end
        return self.transport.write

    async def drained(self) -> None:
        await self.writable.wait()

    def watch(self, on_slow: Callable[[], None]) -> None:
        if self._on_end is not None:
            self._on_slow = on_slow
            self.transport.set_write_buffer_limits(high=hub_settings().write_buffer)

    def close(self, code: int, reason: str) -> None:
        self._end()
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CLOSE_TIMEOUT, self.transport.abort)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()  # the client's own close frame is behind what it has sent

    def _end(self) -> None:
        on_end, self._on_end, self._on_slow = self._on_end, None, None
        if on_end is not None:
            on_end()

    # --- uvicorn's protocol: everything that ends a socket ends the raw writer first ------------------------------

    async def run_asgi(self) -> None:
        self.scope["extensions"][EXTENSION] = {"connection": self}
        await super().run_asgi()

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self._end()
        await super().send(message)
        if message["type"] == "websocket.accept":
            # Several KiB per socket that nobody reads any more.
            self.request.headers.clear()
            self.response.headers.clear()
            del self.request, self.response

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._on_slow is not None:
            self._on_slow()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        self._end()
        super().shutdown()

    def handle_close(self, event: Any) -> None:
        self._end()
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        self._end()
        super().handle_parser_exception()

    def keepalive_timeout(self) -> None:
        self._end()
        super().keepalive_timeout()

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                # uvicorn would log a traceback for what is only a client's fault.
                self.frames = []
                self._end()
                self.conn.send_close(1007)
                super().handle_parser_exception()
                return
        super().send_receive_event_to_app()
