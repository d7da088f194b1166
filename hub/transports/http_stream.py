"""HTTP responses that stay open: what all HTTP transports share. A stream needs neither a thread nor Django."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub.access.reasons import End
from hub.config import hub_settings
from hub.fanout.frames import FrameBatch
from hub.ops import metrics
from hub.server.protocol import CLOSE_TIMEOUT
from hub.server.request import DROP
from hub.server.short_answers import respond
from hub.transports import transport
from hub.transports.unread import Answer, answers

#: Encodes the texts of one batch as bytes.
Framing = Callable[[Sequence[str]], bytes]

HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    # Keeps nginx from buffering the stream.
    (b"x-accel-buffering", b"no"),
]


class TooLong(ValueError):
    """The body of a request is longer than the limit."""


async def body_of(receive: Any, limit: int) -> bytes:
    """Read the body of a request.

    Raises:
        TooLong: it is longer than ``limit`` bytes.
        ConnectionResetError: the client went away.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ConnectionResetError
        parts.append(event.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise TooLong
        if not event.get("more_body"):
            return b"".join(parts)


async def short_answer(send: Any, status: int, text: str = "", retry_after: int = 0) -> None:
    """Send a response that is not a stream, by :func:`hub.server.short_answers.respond` with our headers."""
    await respond(send, status, text, retry_after, headers=HEADERS)


class HttpStream:
    """The send buffer of one response: a :class:`hub.transports.transport.Transport`.

    Holds about ``HUB_WRITE_BUFFER`` bytes at most; then the client is closed as a slow consumer.

    Args:
        framing: of the response.
        on_end: called once when the stream ends.
        farewell: the last frame, made of the code and the reason; without it the response just ends.
    """

    emulated = True
    raw = None

    def __init__(
        self, framing: Framing, on_end: Callable[[], None], farewell: Callable[[int, str], str] | None = None
    ) -> None:
        self._framing = framing
        self._on_end = on_end
        self._farewell = farewell
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._asked_for = 0
        self._news = asyncio.Event()
        #: The long answer that the client has not taken yet.
        self._held: Answer | None = None
        #: Set whenever the client has taken something; None before there is anybody to take it.
        self._taken: asyncio.Event | None = None
        self._ended = False
        #: The connection of the response, if the server provides it; and the timer that aborts it.
        self._connection: Any = None
        self._drop: asyncio.TimerHandle | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the stream has ended; what is in the buffer is still written."""
        return self._ended

    def write(self, block: FrameBatch) -> None:
        """Write frames, in order."""
        if self._ended:
            return
        data = self._framing(block.texts)
        self._waiting.append(data)
        self._size += len(data)
        self._news.set()
        if self._size > hub_settings().write_buffer + self._asked_for:
            self.close(*End.SLOW.on_client)

    async def answer(self, text: str, who: object) -> None:
        """As :class:`hub.transports.transport.Transport`; before :meth:`run` nothing waits."""
        size = len(text.encode())
        self._asked_for += size
        self.write(FrameBatch([text]))
        if size < transport.LONG or self._ended:
            return
        self._let_go()
        self._held = Answer(who, self._size, self._make_way)
        answers.hold(self._held)
        if self._taken is None:
            return
        try:
            async with asyncio.timeout(transport.DRAIN_TIMEOUT):
                while self._size >= transport.LONG and not self._ended:
                    self._taken.clear()
                    await self._taken.wait()
        except TimeoutError:
            self._too_slow()

    def _too_slow(self) -> None:
        self._waiting.clear()
        self.close(*End.SLOW.on_client)

    def _make_way(self) -> None:
        self._too_slow()
        if self._connection is not None:
            self._connection.abort()

    def _let_go(self) -> None:
        if self._held is not None:
            answers.let_go(self._held)
            self._held = None

    def close(self, code: int, reason: str) -> None:
        """Write the reason and end the response. Only the first call counts."""
        if self._ended:
            return
        metrics.CLOSED.labels(str(code)).inc()
        if self._farewell is not None:
            self._waiting.append(self._framing([self._farewell(code, reason)]))
        self.end()

    def end(self) -> None:
        """End the response after what is in the buffer."""
        if not self._ended:
            self._ended = True
            self._let_go()
            self._news.set()
            if self._taken is not None:
                self._taken.set()
            self._drop_in_time()
            self._on_end()

    def _drop_in_time(self) -> None:
        if self._connection is not None:
            self._drop = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._connection.abort)

    async def run(self, scope: Mapping[str, Any], send: Any, receive: Any, content_type: bytes) -> None:
        """Send the response until it ends and the client has read it, or the client disconnects.

        A client that stops reading is dropped after ``CLOSE_TIMEOUT`` seconds. Servers other than the hub's cannot
        do that: there the response stays, and is counted, as long as the connection lives.
        """
        self._connection = scope.get("extensions", {}).get(DROP, {}).get("connection")
        self._taken = asyncio.Event()
        if self._ended:
            self._drop_in_time()
        headers = [*HEADERS, (b"content-type", content_type)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.create_task(_gone(receive))
        gone.add_done_callback(lambda _: self.end())
        try:
            await self._write_for_ever(send)
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        except OSError:
            return  # the client went away while something was written to it
        finally:
            self._connection = None  # it may serve another request by now
            if self._drop is not None:
                self._drop.cancel()
            self.end()
            gone.cancel()

    async def _write_for_ever(self, send: Any) -> None:
        while True:
            while self._waiting:
                data = b"".join(self._waiting)
                self._waiting.clear()
                # The server's own buffer is small: this waits for a slow client.
                await send({"type": "http.response.body", "body": data, "more_body": True})
                self._size -= len(data)
                self._asked_for = max(0, self._asked_for - len(data))
                if self._size < transport.LONG:
                    self._let_go()
                if self._taken is not None:
                    self._taken.set()
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
