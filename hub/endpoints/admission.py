"""Lets clients in, or says why not in the form of the request: over a WebSocket, or over HTTP."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hub.access import authentication, revalidation
from hub.access.authentication import Authenticated
from hub.access.reasons import End, Ended
from hub.limits.connections import Counted
from hub.ops import metrics
from hub.transports.http_stream import short_answer
from hub.transports.refusal import refuse_handshake

#: Answers a request of a client that has been let in.
Serve = Callable[[dict[str, Any], Any, Any, Authenticated, Counted], Awaitable[None]]


async def over_http(scope: dict[str, Any], receive: Any, send: Any, serve: Serve) -> None:
    """Call ``serve`` for a client that may connect, and count the connection while it runs."""
    revalidation.current()
    try:
        who, counted = await authentication.admit(scope)
    except Ended as refused:
        _count(refused.reason)
        await short_answer(send, refused.reason.status, refused.reason.text, refused.retry_after)
        return
    try:
        await serve(scope, receive, send, who, counted)
    except OSError:
        return  # the client went away while something was written to it
    finally:
        counted.leave()


async def refuse(
    scope: Mapping[str, Any],
    send: Any,
    refused: Ended,
    closing: Callable[[End], tuple[int, str]],
    subprotocol: str | None = None,
) -> None:
    """Tell the client of a WebSocket, which has not been accepted yet, why it may not connect."""
    reason = refused.reason
    if reason is End.TOO_OFTEN:
        await refuse_handshake(scope, send, reason.status, reason.text, refused.retry_after)
    elif reason is End.FORBIDDEN:
        _count(reason)
        # Before the handshake: the server answers 403, and no script of that page learns more.
        await send({"type": "websocket.close", "code": reason.simple})
    else:
        # A close before the handshake reaches a browser as a bare 1006, which says nothing.
        code, text = closing(reason)
        metrics.CLOSED.labels(str(code)).inc()
        await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
        await send({"type": "websocket.close", "code": code, "reason": text})


def _count(reason: End) -> None:
    if reason is End.FORBIDDEN:
        metrics.CLOSED.labels("origin").inc()
