"""Reads WebSocket frames: a bounded chunk in each turn of the event loop, and every frame counts against the limit.

uvicorn parses whatever has arrived at once. That may be a quarter of a MiB of frames of six bytes, and nobody else is
served while forty thousand of them are parsed. Pings, pongs and empty fragments never reach the application, so
its rate limit of messages does not see them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from hub.config import hub_settings
from hub.limits import count_refusal
from hub.limits.connections import Bucket

#: Frames of one socket that one turn of the event loop reads; then others have theirs.
FRAMES_A_TURN = 64

#: Bytes that websockets gets at once: as many of the shortest frames (2 bytes, and the mask) as a turn reads.
CHUNK = 6 * FRAMES_A_TURN

#: Fragments of one message at most. Even empty ones would otherwise keep a message open for ever.
MOST_FRAGMENTS = 2048

#: After a close by the server, so many of the largest frames are read while looking for the client's close frame.
READ_AFTER_CLOSE = 2

#: Seconds between the close frame to a client that sends too fast and the end of its connection. Input is discarded.
DISCARD_INPUT = 1.0

#: Close codes (RFC 6455, 7.4.1) of the protocol itself.
_POLICY, _TOO_BIG, _NOT_TEXT = 1008, 1009, 1007


class FrameEvents:
    """The queue between the connection and the application: usually empty, and then it holds nothing."""

    __slots__ = ("_events", "_waiter")

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._waiter: asyncio.Future[None] | None = None

    def clear(self) -> None:
        """Drop all events."""
        self._events.clear()

    def put_nowait(self, event: Any) -> None:
        """Add an event."""
        self._events.append(event)
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def get_nowait(self) -> Any:
        """The next event; there must be one."""
        return self._events.pop(0)

    def empty(self) -> bool:
        """Whether there is no event."""
        return not self._events

    def arrival(self) -> asyncio.Future[None]:
        """Done with the next event."""
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter


class RateLimitedProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, with the reading of the module. Subclasses say how a socket is closed."""

    queue: FrameEvents  # type: ignore[assignment]  # all that uvicorn uses of its asyncio.Queue

    # Most sockets read little and never need these: they stand here once for all.
    _unread = b""
    _next_turn: asyncio.Handle | None = None
    _frame_rate: Bucket | None = None
    _on_fast: Callable[[], None] | None = None
    _fragments = 0
    _read_after_close = 0
    _discards_input = False

    def close(self, code: int, reason: str) -> None:
        """Send a close frame now."""
        raise NotImplementedError

    # --- what has arrived -----------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.close_sent and not self._may_finish(data):
            return
        self._unread += data
        if self._next_turn is None and not self.read_paused:
            self._read()

    def _may_finish(self, data: bytes) -> bool:
        """The server has closed: read only as far as the client's close frame may be. Abort the connection of a client
        that goes on sending."""
        self._read_after_close += len(data)
        if self._read_after_close > READ_AFTER_CLOSE * self.config.ws_max_size:
            if self._discards_input:
                self.transport.pause_reading()  # its end is near already
            else:
                self.transport.abort()
        return not self._discards_input and self._read_after_close <= READ_AFTER_CLOSE * self.config.ws_max_size

    def _read(self) -> None:
        """Read what one turn may read. The rest waits, and reading from the network is paused."""
        self._next_turn = None
        if self._discards_input or self.transport.is_closing():
            self._unread = b""
            return
        if self.handshake_initiated and not self.handshake_complete:
            # It sends before the handshake is complete. Reading is paused, so that it cannot fill the memory.
            self.transport.pause_reading()
            return
        data, self._unread = self._unread, b""
        count, rest = self._take_frames(data)
        if count and not self._may_send(count):
            self._too_fast()
        elif rest and not self.transport.is_closing():
            self._unread = rest
            self.transport.pause_reading()
            if not self.read_paused:
                self._next_turn = self.loop.call_soon(self._read_rest)

    def _take_frames(self, data: bytes) -> tuple[int, bytes]:
        """Read frames for one turn; returns how many count against the limit, and what is left for the next turn."""
        count = begin = 0
        while begin < len(data) and count < FRAMES_A_TURN:
            self.conn.receive_data(data[begin : begin + CHUNK])
            begin += CHUNK
            count += len(self.conn.events)
            if self.conn.parser_exc is not None:
                self.handle_parser_exception()
                return count, b""
            self.handle_events()
        return count, data[begin:]

    def go_on_reading(self) -> None:
        """Continue after a pause: first with the rest, then with the network."""
        if self._discards_input or self.transport.is_closing():
            return
        if not self._unread:
            self.transport.resume_reading()
        elif self._next_turn is None:
            self._next_turn = self.loop.call_soon(self._read_rest)

    def _read_rest(self) -> None:
        self._read()
        if not self._unread and not self.read_paused:
            self.go_on_reading()  # the network's turn

    # --- the rate limit ------------------------------------------------------------------------------------------

    def _may_send(self, count: int) -> bool:
        settings = hub_settings()
        if self._frame_rate is None:
            self._frame_rate = Bucket()
        return not self._frame_rate.take(settings.frame_rate, settings.frame_burst, count)

    def _too_fast(self) -> None:
        """Close the connection and discard its input: to look for its close frame would keep the hub busy."""
        count_refusal("frames")
        self._discards_input = True
        self._unread = b""
        on_fast, self._on_fast = self._on_fast, None
        if on_fast is not None:
            on_fast()
        else:
            self.close(_POLICY, "Too many frames")
        self.loop.call_later(DISCARD_INPUT, self.transport.close)

    # --- what the application gets --------------------------------------------------------------------------------

    async def receive(self) -> Any:
        while self.queue.empty():
            await self.queue.arrival()
        message = self.queue.get_nowait()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self.go_on_reading()
        return message

    def handle_text(self, event: Any) -> None:
        self.curr_msg_data_type = "text"
        self._begin_message(event)

    def handle_bytes(self, event: Any) -> None:
        self.curr_msg_data_type = "bytes"
        self._begin_message(event)

    def _begin_message(self, event: Any) -> None:
        # One buffer for all fragments: a list would keep an object for each, however small.
        self.frames = [event.data if event.fin else bytearray(event.data)]  # type: ignore[list-item]  # made bytes later
        self._fragments = 1
        if event.fin:
            self.send_receive_event_to_app()

    def handle_cont(self, event: Any) -> None:
        self._fragments += 1
        if self._fragments > MOST_FRAGMENTS:
            self.frames = []
            self.close(_TOO_BIG, "Too many fragments")
            return
        if self.frames:  # else the message was given up
            self.frames[0] += event.data
            if event.fin:
                self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        data, self.frames = bytes(self.frames[0]), []
        if self.close_sent:
            return  # the application has closed: what comes now is too late, and the client's close frame is behind
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
        else:
            try:
                self.queue.put_nowait({"type": "websocket.receive", "text": data.decode()})
            except UnicodeDecodeError:
                self.conn.send_close(_NOT_TEXT)
                self.handle_parser_exception()
                return
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
