"""The URLs of client connections and event streams. They bypass Django: an open connection needs no thread."""

from typing import Any

from hub.access.query_token import hide_token
from hub.endpoints import events
from hub.endpoints.centrifuge import emulation, http, websocket
from hub.endpoints.cors import Application, shared

_routes: dict[tuple[str, str], Application] = {
    ("websocket", "/connection/websocket"): websocket.application,
    ("http", "/connection/http_stream"): shared(http.http_stream),
    ("http", "/connection/sse"): shared(http.sse),
    ("http", "/emulation"): shared(emulation.application),
    ("http", "/events"): shared(events.application),
}


def find(scope: dict[str, Any]) -> Application | None:
    """The ASGI application of one of these URLs; None for any other."""
    if "path" not in scope:
        return None
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    found = _routes.get((scope["type"], path.rstrip("/")))
    if found is not None:
        hide_token(scope)
    return found
