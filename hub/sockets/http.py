"""What a new connection meets first: it tells the handshakes of WebSockets from all else.

uvicorn's way is to read every request with its HTTP protocol, to put a handshake together again, and to have the
WebSocket protocol read it once more. Here one that comes as a whole and has no fault goes straight to
:class:`hub.sockets.lean.LeanWebSocketProtocol`. All else goes to uvicorn's own HTTP protocol with what has arrived:
pages, and handshakes that are cut or wrong, which uvicorn and websockets judge and answer.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import ServerState

from hub.sockets.handshake import handshake_in
from hub.sockets.lean import LeanWebSocketProtocol
from hub.sockets.protocol import HubWebSocketProtocol

#: The ASGI extension by which an application drops the connection of a client that takes nothing more.
DROP = "hub.drop"


class _RequestProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # which of uvicorn's two, it says itself
    """uvicorn's own. With httptools, which the hub installs, each request knows its connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {DROP: {"connection": self.transport}}


class HubHttpProtocol(asyncio.Protocol):
    """For ``uvicorn.Config(http=…)``: stays with a connection until its first bytes have come; see the module."""

    __slots__ = ("_app_state", "_config", "_loop", "_server_state", "_transport")

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)

    def shutdown(self) -> None:
        """The server stops, and nothing was asked of it here."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._connections.discard(self)
        handshake = handshake_in(data) if self._takes_handshakes() else None
        protocol: Any
        if handshake is not None:
            protocol = LeanWebSocketProtocol(self._config, self._server_state, self._app_state, self._loop, handshake)
            self._transport.set_protocol(protocol)
            protocol.connection_made(self._transport)
        else:
            protocol = _RequestProtocol(
                config=self._config, server_state=self._server_state, app_state=self._app_state, _loop=self._loop
            )
            self._transport.set_protocol(protocol)
            protocol.connection_made(self._transport)
            protocol.data_received(data)

    def _takes_handshakes(self) -> bool:
        """Whether sockets are for the hub's class, without an extension that would have to be negotiated."""
        return self._config.ws_protocol_class is HubWebSocketProtocol and not self._config.ws_per_message_deflate

    @property
    def _connections(self) -> set[Any]:
        connections: set[Any] = self._server_state.connections
        return connections
