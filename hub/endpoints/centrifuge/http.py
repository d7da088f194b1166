"""Client connections over HTTP, for networks without WebSocket: a streaming response, and commands by ``/emulation``.

``/connection/http_stream``: POST with the first command; the answer is lines of JSON.
``/connection/sse``: GET with the first command as ``?cf_connect=``; the answer is an event stream.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from hub.access.authentication import Authenticated
from hub.config import hub_settings
from hub.endpoints import admission
from hub.endpoints.centrifuge import emulation, formats
from hub.endpoints.centrifuge.client import Client
from hub.endpoints.centrifuge.messages import disconnected, text_of
from hub.limits.connections import Counted
from hub.ops import metrics
from hub.transports.http_stream import Framing, HttpStream, TooLong, body_of, short_answer

#: The parameter with the first command, which may contain a token.
PARAMETER = b"cf_connect="


def lines(texts: Sequence[str]) -> bytes:
    """Frames of ``/connection/http_stream``."""
    return "".join(f"{text}\n" for text in texts).encode()


def events(texts: Sequence[str]) -> bytes:
    """Frames of ``/connection/sse``. A frame of several lines is one event of several lines."""
    framed = (text.replace("\n", "\ndata: ") for text in texts)
    return "".join(f"data: {text}\n\n" for text in framed).encode()


async def http_stream(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for ``/connection/http_stream``."""
    if scope["method"] != "POST":
        await short_answer(send, 405, "POST the first command")
    elif not await formats.refused(scope, send):
        await admission.over_http(scope, receive, send, _http_stream)


async def _http_stream(scope: dict[str, Any], receive: Any, send: Any, who: Authenticated, counted: Counted) -> None:
    try:
        first = await body_of(receive, hub_settings().max_frame)
    except TooLong:
        await short_answer(send, 413, "Too long")
        return
    await _Response(scope, receive, send).serve(first, lines, b"application/json", who, counted)


async def sse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for ``/connection/sse``."""
    if scope["method"] != "GET":
        await short_answer(send, 405, "GET with the first command in cf_connect")
    elif dict(scope["headers"]).get(b"sec-fetch-mode") == b"navigate":
        await short_answer(send, 403, "Not a page")
    elif not await formats.refused(scope, send):
        await admission.over_http(scope, receive, send, _sse)


async def _sse(scope: dict[str, Any], receive: Any, send: Any, who: Authenticated, counted: Counted) -> None:
    first = _taken_from_query(scope).strip()
    if "\n" in first:
        # Browsers send the session with links from any page: a GET may connect, and nothing more.
        await short_answer(send, 400, "One command; the others go to /emulation")
        return
    frame = first.encode(errors="replace")
    await _Response(scope, receive, send).serve(frame, events, b"text/event-stream", who, counted)


def _taken_from_query(scope: dict[str, Any]) -> str:
    """Remove the first command from the scope, which servers log, and return it."""
    first, kept = "", []
    for part in scope["query_string"].split(b"&"):
        if part.startswith(PARAMETER):
            first = unquote_plus(part.removeprefix(PARAMETER).decode("latin-1"))
        else:
            kept.append(part)
    scope["query_string"] = b"&".join(kept)
    return first


@dataclass(slots=True)
class _Response:
    """A response that a client connection is written to."""

    scope: dict[str, Any]
    receive: Any
    send: Any

    async def serve(
        self, first: bytes, framing: Framing, content_type: bytes, who: Authenticated, counted: Counted
    ) -> None:
        leaving: list[asyncio.Task[None]] = []

        def ended() -> None:
            client.cut()
            # A client that stops reading may hold the connection for a while: remove it from presence now.
            leaving.append(asyncio.create_task(client.leave()))

        stream = HttpStream(framing, ended, _farewell)
        client = Client(stream, who, counted)
        try:
            with metrics.SOCKETS.labels("hub_http").track_inprogress():
                await emulation.current().ready()
                # Beside the response: long answers wait until the client has read them.
                receiving = asyncio.create_task(_receive(client, stream, first))
                await stream.run(self.scope, self.send, self.receive, content_type)
        finally:
            stream.end()
            await asyncio.wait(leaving)
            await client.leave()
        await receiving


async def _receive(client: Client, stream: HttpStream, first: bytes) -> None:
    try:
        await client.receive(first)
    except BaseException:
        stream.end()
        raise


def _farewell(code: int, reason: str) -> str:
    """Streams have no close codes."""
    return text_of(disconnected(code, reason))
