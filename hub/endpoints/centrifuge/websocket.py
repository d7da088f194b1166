"""Client connections over a WebSocket, ``/connection/websocket``."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog
from django.db import Error as DatabaseFault

from hub.access import revalidation
from hub.access.ends import portable
from hub.concurrency.faults import described
from hub.endpoints.centrifuge import authentication, formats
from hub.endpoints.centrifuge.client import Client
from hub.endpoints.centrifuge.codes import Disconnected
from hub.endpoints.simple.codes import Close
from hub.endpoints.simple.endpoint import REASON_LIMIT, is_restart
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import RawWrite
from hub.limits import connections
from hub.ops import metrics
from hub.server.protocol import EXTENSION
from hub.transports.refusal import TOO_OFTEN, refuse_handshake
from hub.transports.writer import Ends, SendBuffer

log = structlog.get_logger(__name__)

#: The subprotocol that some clients offer and expect in the answer. Others offer none.
JSON = "centrifuge-json"

_ENDS = Ends(
    slow=(Disconnected.SLOW, Disconnected.SLOW.text),
    fast=(Disconnected.TOO_MANY_REQUESTS, Disconnected.TOO_MANY_REQUESTS.text),
    portable=partial(portable, is_simple=False),
)

#: Replies from this length on wait until a slow client has read them.
LONG = 64 * 1024


class WebSocket:
    """A client's WebSocket, as a transport of :class:`hub.endpoints.centrifuge.client.Client`."""

    emulated = False

    def __init__(self, send_buffer: SendBuffer) -> None:
        self._send_buffer = send_buffer

    @property
    def raw(self) -> RawWrite | None:
        """The function that writes bytes directly; None if frames must go through :meth:`write`."""
        return self._send_buffer.raw

    def write(self, block: FrameBatch) -> None:
        """Write frames, in order."""
        self._send_buffer.write(block)

    async def answer(self, text: str) -> None:
        """Write a reply."""
        if len(text) < LONG:
            self._send_buffer.write(FrameBatch([text]))
        else:
            await self._send_buffer.answer(FrameBatch([text]))

    def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        self._send_buffer.close(code, reason.encode()[:REASON_LIMIT].decode(errors="ignore"))


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for ``/connection/websocket``."""
    revalidation.current()
    await receive()  # websocket.connect, always the first
    if not authentication.may_open(scope):
        metrics.CLOSED.labels("origin").inc()
        # Before the handshake: the server answers 403, and no script of that page learns more.
        await send({"type": "websocket.close", "code": int(Close.FORBIDDEN)})
        return
    if formats.wants_protobuf(scope):
        metrics.CLOSED.labels("protobuf").inc()
        await refuse_handshake(scope, send, 400, formats.SENTENCE)
        return
    authenticated = None
    try:
        authenticated = await authentication.authenticate(scope)
    except DatabaseFault as error:
        log.error("user_unknown", **described(error))  # noqa: TRY400  # a traceback where it says more
    address = connections.counted_address(scope.get("client"))
    user_id = authenticated.user.pk if authenticated is not None and authenticated.user is not None else None
    if wait := connections.connect_wait(address, user_id):
        await refuse_handshake(scope, send, 429, TOO_OFTEN, wait)
        return
    connection = scope.get("extensions", {}).get(EXTENSION, {}).get("connection")
    # Several KiB for each open socket that nobody reads any more.
    scope["headers"].clear()
    # A close before the handshake reaches a browser as a bare 1006, so the client is always let in first.
    subprotocol = JSON if JSON in scope.get("subprotocols", ()) else None
    await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
    if authenticated is None:
        await _refuse(send, Disconnected.SERVER_ERROR)
        return
    if not connections.connections.enter(address, user_id):
        await _refuse(send, Disconnected.CONNECTION_LIMIT)
        return
    try:
        with metrics.SOCKETS.labels("hub").track_inprogress():
            await _serve(authenticated, connection, receive, send)
    except OSError:
        return  # the client went away while something was written to it
    finally:
        connections.connections.leave(address, user_id)


async def _refuse(send: Any, reason: Disconnected) -> None:
    metrics.CLOSED.labels(str(int(reason))).inc()
    await send({"type": "websocket.close", "code": int(reason), "reason": reason.text})


async def _serve(authenticated: authentication.Authenticated, connection: Any, receive: Any, send: Any) -> None:
    client: Client | None = None

    def ended() -> None:
        if client is not None:
            client.cut()

    send_buffer = SendBuffer(send, connection, ended, _ENDS)
    client = Client(WebSocket(send_buffer), authenticated)
    try:
        send_buffer.open()
        while True:
            event: Mapping[str, Any] = await receive()
            if event["type"] == "websocket.disconnect":
                client.restarting = client.restarting or is_restart(event)
                return
            await client.receive(event.get("text") or event.get("bytes") or "")
    finally:
        send_buffer.end()
        await client.disconnected()
