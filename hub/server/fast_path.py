"""The hub's WebSocket protocol for handshakes that have been read already (:mod:`hub.server.http`).

It answers a handshake as it is, instead of having it put together and read once more, and makes the state machine of
websockets only when a client sends what :mod:`hub.server.frame_parser` does not read: most never do.
"""

import asyncio
from typing import Any, Literal
from urllib.parse import unquote

from uvicorn.config import Config
from uvicorn.protocols.utils import is_ssl
from uvicorn.server import ServerState
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.utils import accept_key

from hub.fanout.frames import BINARY, PING, PONG, TEXT, frame
from hub.server.frame_parser import whole_frames
from hub.server.handshake import Handshake
from hub.server.protocol import HubWebSocketProtocol
from hub.server.reading import FRAMES_A_TURN


def takes_handshakes(config: Config) -> bool:
    """Whether sockets are for the hub's class, without an extension that would have to be negotiated."""
    return config.ws_protocol_class is HubWebSocketProtocol and not config.ws_per_message_deflate


class FastWebSocketProtocol(HubWebSocketProtocol):
    """:class:`HubWebSocketProtocol` for a connection whose first request was ``handshake``; negotiates nothing."""

    # What uvicorn's constructor gives to each socket, and most never change, stands here once for all. With few
    # attributes of its own an object has no dictionary of its own.
    server = None
    handshake_complete = False
    close_sent = False
    disconnected = False
    close_timer = None
    close_timeout = 10.0
    initial_response = None
    read_paused = False
    ping_timer = None
    pong_timer = None
    pending_ping_payload: bytes | None = None
    ping_sent_at = 0.0
    last_ping_rtt = 0.0
    frames: list[bytes] = []  # it is replaced, never changed, before a message has begun
    curr_msg_data_type: Literal["text", "bytes"] = "bytes"

    _conn: ServerProtocol | None = None

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
        handshake: Handshake,
    ) -> None:
        # Not uvicorn's constructor: it makes a state machine, a queue and an event.
        self._handshake: Handshake | None = handshake
        self.config = config
        self.app = config.loaded_app
        self.loop = loop
        self.root_path = config.root_path
        self.asgi_version = config.asgi_version
        self.app_state = app_state
        self.connections = server_state.connections
        self.tasks = server_state.tasks
        self.default_headers = server_state.default_headers
        self.ping_interval = config.ws_ping_interval
        self.ping_timeout = config.ws_ping_timeout
        self.handshake_initiated = True
        self._hold_little()

    @property
    def conn(self) -> ServerProtocol:
        """The state machine of the connection, made when it is first needed."""
        if self._conn is None:
            self._conn = ServerProtocol(state=State.OPEN, max_size=self.config.ws_max_size, logger=self.logger)
        return self._conn

    @conn.setter
    def conn(self, conn: ServerProtocol) -> None:
        self._conn = conn

    # --- the handshake ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._handshake is None:
            raise RuntimeError("A connection is made once.")
        self.connections.add(self)
        self.transport = transport  # type: ignore[assignment]  # uvloop's is one by behaviour, not by class
        self.scheme = "wss" if is_ssl(transport) else "ws"  # type: ignore[arg-type]  # uvloop's, too
        self.client = _address(transport.get_extra_info("peername"))
        self.scope = self._scope(self._handshake)  # type: ignore[assignment]  # ASGI's scope is a dict
        self.queue.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(self.run_asgi())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

    def _scope(self, handshake: Handshake) -> dict[str, Any]:
        path, _, query = handshake.url.partition(b"?")
        return {
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": self.scheme,
            # ASGI allows it. To find out costs as much as all the rest of this.
            "server": None,
            "client": self.client,
            "root_path": self.root_path,
            "path": self.root_path + unquote(path.decode("ascii")),
            "raw_path": self.root_path.encode("ascii") + path,
            "query_string": query,
            "headers": handshake.headers,
            "subprotocols": [
                token.strip().decode("latin-1")
                for name, value in handshake.headers
                if name == b"sec-websocket-protocol"
                for token in value.split(b",")
            ],
            "state": self.app_state.copy(),
            "extensions": {"websocket.http.response": {}},
        }

    def _accept(self, handshake: Handshake, message: Any) -> None:
        self._handshake = None
        if self.transport.is_closing():
            return
        headers = [*self.default_headers, *message.get("headers", ())]
        if subprotocol := message.get("subprotocol"):
            headers.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        if lines.count(b"\n") != len(headers) or lines.count(b"\r") != len(headers):
            raise ValueError("A header has a line break.")
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (accept_key(handshake.key.decode("ascii")).encode("ascii"), lines)
        )
        self.handshake_complete = True
        self.start_keepalive()
        if self._unread:
            self.go_on_reading()

    # --- what is sent and received ----------------------------------------------------------------------------------

    async def send(self, message: Any) -> None:
        kind = message["type"]
        if kind == "websocket.send" and self.handshake_complete:
            await self.writable.wait()
            if self._conn is None and not self.disconnected:
                self._write(message)
                return
        elif kind == "websocket.accept" and self._handshake is not None and not self.disconnected:
            self._accept(self._handshake, message)
            return
        await super().send(message)

    def _write(self, message: Any) -> None:
        data, text = message.get("bytes"), message.get("text")
        if data is not None:
            self.transport.write(frame(BINARY, data))
        elif text is not None:
            self.transport.write(frame(TEXT, text.encode()))

    def _take_frames(self, data: bytes) -> tuple[int, bytes]:
        if self._conn is not None:
            return super()._take_frames(data)
        taken, rest = whole_frames(data, self.config.ws_max_size, FRAMES_A_TURN)
        if pongs := [frame(PONG, payload) for opcode, payload in taken if opcode == PING]:
            self.transport.write(b"".join(pongs))
        # The answer to the hub's own ping is free, so that an idle socket needs no bucket.
        count = len(taken) - sum(self._take(opcode, payload) for opcode, payload in taken if not self.close_sent)
        if not rest or len(taken) == FRAMES_A_TURN:
            return count, rest
        more, rest = super()._take_frames(rest)
        return count + more, rest

    def _take(self, opcode: int, payload: bytes) -> bool:
        """Take a frame; returns whether it was the answer to the hub's own ping."""
        if opcode == PONG:
            if payload != self.pending_ping_payload:
                return False
            self.pending_ping_payload = None
            return True
        if opcode != PING:  # those have been answered
            self.curr_msg_data_type = "text" if opcode == TEXT else "bytes"
            self.frames = [payload]
            self.send_receive_event_to_app()
        return False


def _address(peer: object) -> tuple[str, int] | None:
    """Host and port of an address as sockets have it; None for a unix socket's."""
    return (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None
