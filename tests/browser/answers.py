"""Answers of the hub to the calls of a page, as a test wants them: none, or an error."""

import json
from typing import Any

from playwright.sync_api import Page, WebSocketRoute


class Answers:
    """Stands between a page and the hub; make it before the page is opened."""

    def __init__(self, page: Page) -> None:
        self._refused: dict[str, int] = {}
        self._held: set[str] = set()
        self._waiting: list[tuple[str, Any, str]] = []
        page.route_web_socket("**/connection/websocket", self._connect)

    def hold(self, method: str) -> None:
        """Let calls of this method wait for :meth:`release`."""
        self._held.add(method)

    def release(self, method: str) -> None:
        """Pass on the calls that wait, and those to come."""
        self._held.discard(method)
        for held, server, command in self._waiting:
            if held == method:
                server.send(command)
        self._waiting = [one for one in self._waiting if one[0] != method]

    def refuse(self, method: str, code: int = 100) -> None:
        """Answer calls of this method with this error."""
        self._refused[method] = code

    def allow(self, method: str) -> None:
        del self._refused[method]

    def _connect(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            for line in str(message).splitlines():
                command = json.loads(line)
                method = command.get("rpc", {}).get("method", "")
                if method in self._refused:
                    error = {"code": self._refused[method], "message": "refused by the test"}
                    page.send(json.dumps({"id": command["id"], "error": error}))
                elif method in self._held:
                    self._waiting.append((method, server, line))
                else:
                    server.send(line)

        page.on_message(pass_on)
