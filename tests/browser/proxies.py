"""Proxies between a page and the hub: one changes WebSocket frames, one cuts TCP connections."""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, WebSocketRoute

#: The client library ignores a close code without a reason.
REASON = "the test wants it"

Change = Callable[[str], str | None]


class WebSocketProxy:
    """Proxies the client connections that a page opens from now on."""

    def __init__(self, page: Page, *, to_hub: Change | None = None, to_page: Change | None = None) -> None:
        """``to_hub`` and ``to_page`` get each frame and return the frame to forward; None drops it."""
        self.sockets: list[WebSocketRoute] = []
        #: If it is not 0, new connections are closed with this code.
        self.close_code = 0
        self._to_hub, self._to_page = to_hub, to_page
        page.route_web_socket(re.compile("/connection/websocket"), self._open)

    def _open(self, route: WebSocketRoute) -> None:
        self.sockets.append(route)
        if self.close_code:
            route.close(code=self.close_code, reason=REASON)
            return
        hub = route.connect_to_server()
        route.on_message(lambda frame: _pass(frame, self._to_hub, hub.send))
        hub.on_message(lambda frame: _pass(frame, self._to_page, route.send))

    def push(self, channel: str, data: Any, offset: int = 0) -> None:
        """Push a publication to the page as the hub would."""
        publication = {"data": data} | ({"offset": offset} if offset else {})
        self.sockets[-1].send(json.dumps({"push": {"channel": channel, "pub": publication}}))

    def close(self, code: int) -> None:
        """Close the newest connection as the hub would."""
        self.sockets[-1].close(code=code, reason=REASON)


def without_counts(frame: str) -> str | None:
    """For ``to_page``: drop the hub's own counts, which may arrive at any moment and replace those of a test."""
    return None if frame.startswith('{"push":{"channel":"online"') else frame


def _pass(frame: str | bytes, change: Change | None, send: Callable[[str], None]) -> None:
    text = frame if isinstance(frame, str) else frame.decode()
    changed = text if change is None else change(text)
    if changed is not None:
        send(changed)


class TcpProxy:
    """A local TCP port that forwards to another one until it is cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: set[socket.socket] = set()
        self._is_cut = False
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close all connections and refuse new ones."""
        with self._lock:
            self._is_cut = True
            ends, self._ends = self._ends, set()
        for end in ends:
            _end(end)

    def restore(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        """Stop for good, threads included."""
        self.cut()
        _end(self._listener)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._target))
        except OSError:  # nothing is there any more, which the near end is told as it would be without a proxy
            _end(near)
            return
        with self._lock:
            if self._is_cut:
                _end(near)
                _end(far)
                return
            self._ends |= {near, far}
        threading.Thread(target=self._carry, args=(far, near), daemon=True).start()
        self._carry(near, far)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):  # either end went away
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with self._lock:
                self._ends.discard(end)
            _end(end)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # not connected any more
        end.shutdown(socket.SHUT_RDWR)
    end.close()
