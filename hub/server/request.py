"""uvicorn's protocol for requests, with bounds: how long a head may be, and when head and body must have come."""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hub import limits
from hub.config import hub_settings
from hub.limits.connections import BODY_LIMIT
from hub.server.deadlines import bodies, heads
from hub.server.fast_path import FastWebSocketProtocol, takes_handshakes
from hub.server.handshake import HEAD_LIMIT, MOST_HEADERS, Handshake, checked
from hub.server.refusing import refuse

#: The ASGI extension by which an application drops the connection of a client that takes nothing more.
DROP = "hub.drop"

#: Bytes that the parser gets at once: what it may read above a bound before that is noticed.
CHUNK = 4096

#: Bytes of requests that may wait here for the answer to an earlier one of the same connection.
MOST_WAITING = 512 * 1024


class RequestProtocol(HttpToolsProtocol):
    """One connection that asks for pages, one request after the other."""

    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # uvicorn does not say that it is None at first

    #: What of the head has come, and whether that has a line end: then the URL is not what is too long.
    _head = 0
    _has_line = False
    _is_in_head = True
    #: Whether a head ended in the piece that was read last; of what is behind it one piece is not counted.
    _has_ended_head = False
    _body = 0
    #: The request that is answered now. The one that was read last may be another: its client did not wait.
    _running: RequestResponseCycle | None = None
    #: Whether something was refused behind an answer that is under way: the connection ends with that.
    _ends = False
    #: Requests of a client that did not wait for the answer to the one before.
    _waiting = b""

    def connection_lost(self, exc: Exception | None) -> None:
        heads().stop(self.transport)
        bodies().stop(self.transport)
        self._waiting = b""
        self.pipeline.clear()
        self._leave(self._running)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ends:
            return
        self._unset_keepalive_if_required()
        if self._waiting:
            self._wait_with(self._waiting + data)
            return
        if self._is_in_head:
            heads().start(self.transport, hub_settings().head_timeout)
        begin = 0
        while begin < len(data) and not self.transport.is_closing():
            chunk = data[begin : begin + CHUNK]
            begin += len(chunk)
            self._has_ended_head = False
            try:
                self.parser.feed_data(chunk)
            except httptools.HttpParserUpgrade as upgrade:
                if self._should_upgrade():
                    self._upgrade(chunk[upgrade.args[0] :] + data[begin:])
                    return
            except httptools.HttpParserError:
                # What waits for the rest of a body that cannot be read would wait for ever.
                self._refuse(400, "This is not an HTTP request.", is_about_body=not self._is_in_head)
                return
            if self._is_in_head and not self._has_ended_head and not self._is_head_short(chunk):
                return
            if self.pipeline and begin < len(data):
                self._wait_with(data[begin:])
                return

    def _is_head_short(self, chunk: bytes) -> bool:
        self._head += len(chunk)
        self._has_line = self._has_line or b"\n" in chunk
        if self._head <= HEAD_LIMIT and len(self.headers or ()) <= MOST_HEADERS:
            return True
        limits.count_refusal("head")
        if self._has_line:
            self._refuse(431, f"The head of a request has {HEAD_LIMIT} bytes and {MOST_HEADERS} headers at most.")
        else:
            self._refuse(414, f"A URL, with all of the head, has {HEAD_LIMIT} bytes at most.")
        return False

    def _wait_with(self, data: bytes) -> None:
        self.flow.pause_reading()
        self._waiting = data
        if len(data) > MOST_WAITING:
            self.transport.abort()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._waiting:
            self.flow.pause_reading()
            if not self.pipeline:
                self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        data, self._waiting = self._waiting, b""
        if data and not self.transport.is_closing():
            self.flow.resume_reading()
            self.data_received(data)

    # --- one request ------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {DROP: {"connection": self.transport}}

    def on_headers_complete(self) -> None:
        heads().stop(self.transport)
        self._is_in_head, self._has_ended_head = False, True
        self._head = self._body = 0
        bodies().start(self.transport, hub_settings().body_timeout)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        if self._body > BODY_LIMIT and self.cycle is not None and self.cycle.response_complete:
            self.transport.close()  # it was answered, and goes on sending
        super().on_body(body)

    def on_message_complete(self) -> None:
        bodies().stop(self.transport)
        self._is_in_head, self._has_line = True, False
        super().on_message_complete()

    # --- what is refused --------------------------------------------------------------------------------------------

    def head_is_late(self) -> None:
        """A head has not come in time. A connection of which nothing came is ended without a word: browsers open some
        in advance."""
        limits.count_refusal("head_time")
        if self._head:
            self._refuse(408, f"The head of a request must have come after {hub_settings().head_timeout:g} seconds.")
        else:
            self.shutdown()

    def body_is_late(self) -> None:
        """A body has not come in time."""
        limits.count_refusal("body_time")
        sentence = f"The body of a request must have come after {hub_settings().body_timeout:g} seconds."
        self._refuse(408, sentence, is_about_body=True)

    def _refuse(self, status: int, sentence: str, *, is_about_body: bool = False) -> None:
        if self.transport.is_closing():
            return
        running = self._running if self._running is not None and not self._running.response_complete else None
        if running is not None and not (is_about_body and running is self.cycle):
            # The answer to an earlier request comes first, and is the last one.
            self._ends, running.keep_alive = True, False
            self.pipeline.clear()
            heads().stop(self.transport)
            bodies().stop(self.transport)
        elif running is not None and running.response_started:
            self._leave(running)
            self.transport.close()  # in the middle of its own answer
        else:
            self._leave(running)
            refuse(self.transport, self, status, sentence)

    def _leave(self, cycle: RequestResponseCycle | None) -> None:
        """Tell whoever serves a request that nobody is there any more."""
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    # --- handshakes -------------------------------------------------------------------------------------------------

    def _upgrade(self, early: bytes) -> None:
        """A handshake has come; ``early`` is what its client has sent after it."""
        heads().stop(self.transport)
        bodies().stop(self.transport)
        if self._running is not None and not self._running.response_complete:
            self._refuse(400, "A handshake has to wait for the answer to the request before it.")
            return
        self.connections.discard(self)
        protocol: Any
        handshake = self._handshake() if takes_handshakes(self.config) else None
        if handshake is not None:
            protocol = FastWebSocketProtocol(self.config, self.server_state, self.app_state, self.loop, handshake)
        else:
            # What is wrong with it, or that it is not, websockets finds out; it reads it as if it had come just now.
            protocol = self.ws_protocol_class(  # type: ignore[call-arg,misc]  # as uvicorn calls it
                config=self.config, server_state=self.server_state, app_state=self.app_state
            )
            early = self._as_it_came() + early
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if early:
            protocol.data_received(early)

    def _as_it_came(self) -> bytes:
        lines = [b"%b %b HTTP/1.1" % (self.parser.get_method(), self.url)]
        return b"\r\n".join([*lines, *(b"%b: %b" % header for header in self.headers), b"", b""])

    def _handshake(self) -> Handshake | None:
        if self.parser.get_method() != b"GET" or self.parser.get_http_version() != "1.1":
            return None
        return checked(self.url, [(name, value.strip(b" \t")) for name, value in self.headers])
