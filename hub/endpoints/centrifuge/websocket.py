"""Client connections over a WebSocket, ``/connection/websocket``."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from hub.access import authentication, revalidation
from hub.access.reasons import End, Ended, portable
from hub.access.subprotocol import chosen
from hub.endpoints import admission
from hub.endpoints.centrifuge import formats
from hub.endpoints.centrifuge.client import Client
from hub.fanout.frames import Frame, FrameBatch
from hub.fanout.local_channel import RawWrite
from hub.ops import metrics
from hub.server.protocol import EXTENSION
from hub.transports.transport import LONG
from hub.transports.writer import Ends, SendBuffer, is_restart

_ENDS = Ends(End.SLOW.on_client, End.TOO_FAST.on_client, partial(portable, is_simple=False))


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

    async def answer(self, frame: Frame, who: object) -> None:
        """Write a reply."""
        if len(frame) < LONG:
            self._send_buffer.write(FrameBatch([frame]))
        else:
            await self._send_buffer.answer(FrameBatch([frame]), who)

    def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        self._send_buffer.close(code, reason)


class ProtobufClient(Client):
    """A client that speaks the Protobuf form, which no other transport carries."""

    __slots__ = ()

    format = formats.PROTOBUF


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for ``/connection/websocket``."""
    await receive()  # websocket.connect, always the first
    kind = ProtobufClient if formats.wants_protobuf(scope) else Client
    subprotocol = _chosen(scope)
    revalidation.current()
    try:
        who, counted = await authentication.admit(scope)
    except Ended as refused:
        await admission.refuse(scope, send, refused, _closing, subprotocol)
        return
    connection = scope.get("extensions", {}).get(EXTENSION, {}).get("connection")
    # Several KiB for each open socket that nobody reads any more.
    scope["headers"].clear()
    client: Client | None = None

    def ended() -> None:
        if client is not None:
            client.cut()

    send_buffer = SendBuffer(send, connection, ended, _ENDS)
    try:
        # A close before the handshake reaches a browser as a bare 1006, so the client is always let in first.
        await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
        client = kind(WebSocket(send_buffer), who, counted)
        del who
        with metrics.SOCKETS.labels("hub").track_inprogress():
            send_buffer.open()
            while True:
                event: Mapping[str, Any] = await receive()
                if event["type"] == "websocket.disconnect":
                    client.restarting = client.restarting or is_restart(event)
                    return
                await client.receive(event.get("text") or event.get("bytes") or "")
    except OSError:
        return  # the client went away while something was written to it
    finally:
        send_buffer.end()
        try:
            if client is not None:
                await client.leave()
        finally:
            counted.leave()


def _chosen(scope: dict[str, Any]) -> str | None:
    """The subprotocol that a client offers and expects in the answer; many offer none."""
    offered = scope.get("subprotocols", ())
    of_protocol = (one for one in (formats.JSON_SUBPROTOCOL, formats.SUBPROTOCOL) if one in offered)
    return next(of_protocol, None) or chosen(scope)


def _closing(reason: End) -> tuple[int, str]:
    return reason.on_client
