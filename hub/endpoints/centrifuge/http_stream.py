"""HTTP responses that stay open: what they share, whatever they carry. No thread, and no Django, per stream."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from django.db import Error as DatabaseFault

from hub.access import revalidation
from hub.concurrency.faults import described
from hub.config import hub_settings
from hub.endpoints.centrifuge import authentication, formats
from hub.endpoints.centrifuge.codes import Disconnected
from hub.endpoints.centrifuge.messages import disconnected, text_of
from hub.fanout.frames import FrameBatch
from hub.limits import connections
from hub.ops import metrics
from hub.server.protocol import CLOSE_TIMEOUT
from hub.server.request import DROP
from hub.server.short_answers import respond
from hub.transports.refusal import TOO_OFTEN

log = structlog.get_logger(__name__)

#: Takes the lines of one block and returns the bytes that carry them.
Framing = Callable[[Sequence[str]], bytes]

HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    # What nginx would hold back until it has a page full.
    (b"x-accel-buffering", b"no"),
]


class TooLong(ValueError):
    """The body of a request is longer than a frame may be."""


async def body_of(receive: Any, limit: int) -> bytes:
    """The body of a request.

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
    """An answer that is no stream: :func:`hub.server.short_answers.respond` with the headers that streams have."""
    await respond(send, status, text, retry_after, headers=HEADERS)


class HttpStream:
    """What is written to one response, as a transport of :class:`hub.endpoints.centrifuge.client.Client`.

    Holds about ``HUB_WRITE_BUFFER`` characters at most for a client that reads too slowly; then it is ended.
    """

    emulated = True
    raw = None

    def __init__(self, framing: Framing, on_end: Callable[[], None]) -> None:
        self._framing = framing
        self._on_end = on_end
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._asked_for = 0
        self._news = asyncio.Event()
        self._ended = False
        #: Of the response, once it has begun, where the server lends it; and what drops it.
        self._connection: Any = None
        self._drop: asyncio.TimerHandle | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing will be written any more but what waits."""
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
            self.close(Disconnected.SLOW, Disconnected.SLOW.text)

    async def answer(self, text: str) -> None:
        """Write what the client has asked for."""
        self._asked_for += len(text.encode())
        self.write(FrameBatch([text]))

    def close(self, code: int, reason: str) -> None:
        """Tell the client why, and end the response. Only the first call counts."""
        if self._ended:
            return
        metrics.CLOSED.labels(str(int(code))).inc()
        self._waiting.append(self._framing([text_of(disconnected(int(code), reason))]))
        self.end()

    def end(self) -> None:
        """Write no more than what waits."""
        if not self._ended:
            self._ended = True
            self._news.set()
            self._drop_in_time()
            self._on_end()

    def _drop_in_time(self) -> None:
        if self._connection is not None:
            self._drop = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._connection.abort)

    async def run(self, scope: Mapping[str, Any], send: Any, receive: Any, content_type: bytes) -> None:
        """Send the response until it is ended and the client has taken it, or is gone.

        Who takes nothing more is dropped after ``CLOSE_TIMEOUT`` seconds. A server that is not the hub's own cannot be
        told to; then it is held here, and counted, for as long as the connection lives.
        """
        self._connection = scope.get("extensions", {}).get(DROP, {}).get("connection")
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
            self._connection = None  # the next request's, perhaps
            if self._drop is not None:
                self._drop.cancel()
            self.end()
            gone.cancel()

    async def _write_for_ever(self, send: Any) -> None:
        while True:
            while self._waiting:
                data = b"".join(self._waiting)
                self._waiting.clear()
                # The server's own buffer is small: it waits here for a client that is slow.
                await send({"type": "http.response.body", "body": data, "more_body": True})
                self._size -= len(data)
                self._asked_for = max(0, self._asked_for - len(data))
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


#: Answers a request once its client has been admitted: scope, receive, send, who it is.
Serve = Callable[[dict[str, Any], Any, Any, authentication.Authenticated], Awaitable[None]]


async def admitted_only(scope: dict[str, Any], receive: Any, send: Any, serve: Serve) -> None:
    """Let a client in, and count it while it is served."""
    revalidation.current()
    if not authentication.may_open(scope):
        metrics.CLOSED.labels("origin").inc()
        await short_answer(send, 403, "Origin not allowed")
        return
    if formats.wants_protobuf(scope):
        metrics.CLOSED.labels("protobuf").inc()
        await short_answer(send, 400, formats.SENTENCE)
        return
    try:
        admitted = await authentication.authenticate(scope)
    except DatabaseFault as error:
        log.error("user_unknown", **described(error))  # noqa: TRY400  # a traceback where it says more
        await short_answer(send, 503, "Try again")
        return
    address = connections.counted_address(scope.get("client"))
    user_id = admitted.user.pk if admitted.user is not None else None
    if wait := connections.connect_wait(address, user_id):
        await short_answer(send, 429, TOO_OFTEN, wait)
        return
    if not connections.connections.enter(address, user_id):
        await short_answer(send, 429, "Too many connections")
        return
    try:
        await serve(scope, receive, send, admitted)
    except OSError:
        return  # the client went away while something was written to it
    finally:
        connections.connections.leave(address, user_id)
