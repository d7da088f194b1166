"""The URLs of client connections and event streams. They bypass Django: an open connection needs no thread."""

from collections.abc import Collection
from typing import Any

from hub.access.query_token import hide_token
from hub.endpoints import events
from hub.endpoints.centrifuge import emulation, http, websocket
from hub.endpoints.cors import Application, shared

_routes: dict[tuple[str, str], Application] = {
    ("websocket", "/connection/websocket"): websocket.application,
    ("http", "/connection/http_stream"): shared(http.http_stream),
    ("http", "/connection/sse"): shared(http.sse),
    ("http", "/events"): shared(events.application),
}

#: Commands of the clients of these come as requests of their own.
_ONE_WAY = {"connection/http_stream", "connection/sse"}


class Routes:
    """The URLs of those endpoints that ``HUB_ENDPOINTS`` has."""

    def __init__(self, endpoints: Collection[str]) -> None:
        self._routes = {route: found for route, found in _routes.items() if route[1].removeprefix("/") in endpoints}
        if _ONE_WAY & set(endpoints):
            self._routes["http", "/emulation"] = shared(emulation.application)

    def find(self, scope: dict[str, Any]) -> Application | None:
        """The ASGI application of one of these URLs; None for any other."""
        if "path" not in scope:
            return None
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        found = self._routes.get((scope["type"], path.rstrip("/")))
        if found is not None:
            hide_token(scope)
        return found

    def knows(self, kind: str, path: str) -> bool:
        """Whether ``path``, below the hub's prefix, is one of these URLs, for scopes of this type."""
        return (kind, path.rstrip("/")) in self._routes
