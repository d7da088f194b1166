"""What a new connection meets first: it tells the handshakes of WebSockets from all else.

uvicorn's way is to read every request with its HTTP protocol, to put a handshake together again, and to have the
WebSocket protocol read it once more. Here one that comes as a whole and has no fault goes straight to
:class:`hub.server.fast_path.FastWebSocketProtocol`. All else goes to uvicorn's own HTTP protocol
(:mod:`hub.server.request`) with what has arrived: pages, and handshakes that are cut or wrong.

A client has ``HUB_HEAD_TIMEOUT`` seconds to say what it wants, and only so many clients may have said nothing yet.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from hub import limits
from hub.config import hub_settings
from hub.server import descriptors
from hub.server.deadlines import heads
from hub.server.fast_path import FastWebSocketProtocol, takes_handshakes
from hub.server.handshake import handshake_in
from hub.server.refusing import refuse
from hub.server.request import RequestProtocol


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
        if not descriptors.are_left_for(len(self._connections)):
            sentence = "The server has too many connections. Try again in a minute."
            refuse(transport, self, 503, sentence, retry_after=60, lingers=False)
            return
        settings, waiting = hub_settings(), heads()
        waiting.start(transport, settings.head_timeout)
        if len(waiting) > settings.pending_connections:
            limits.count_refusal("pending_connections")
            waiting.first.abort()  # which has said nothing for longest

    def connection_lost(self, exc: Exception | None) -> None:
        heads().stop(self._transport)
        self._connections.discard(self)

    def shutdown(self) -> None:
        """The server stops, and nothing was asked of it here."""
        self._transport.close()

    def head_is_late(self) -> None:
        """Nothing has come in time. Browsers open connections in advance: that is no fault to speak of."""
        limits.count_refusal("head_time")
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._connections.discard(self)
        handshake = handshake_in(data) if takes_handshakes(self._config) else None
        protocol: Any
        if handshake is not None:
            heads().stop(self._transport)
            protocol = FastWebSocketProtocol(self._config, self._server_state, self._app_state, self._loop, handshake)
            self._transport.set_protocol(protocol)
            protocol.connection_made(self._transport)
        else:
            protocol = RequestProtocol(
                config=self._config, server_state=self._server_state, app_state=self._app_state, _loop=self._loop
            )
            self._transport.set_protocol(protocol)
            protocol.connection_made(self._transport)
            protocol.data_received(data)

    @property
    def _connections(self) -> set[Any]:
        connections: set[Any] = self._server_state.connections
        return connections
