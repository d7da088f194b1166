"""What the hub answers past Django: client connections, event streams, simple endpoints and calls of the HTTP API."""

from typing import Any

from django.apps import apps
from django.urls import URLPattern, path
from django.utils.module_loading import import_string

from hub.access.query_token import hide_token
from hub.api import fast_path
from hub.endpoints import routes
from hub.endpoints.cors import Application
from hub.endpoints.simple.gate import SimpleEndpoints
from hub.server.bodies import BoundedBodies

#: The simple endpoints: the app that owns one, its path, and its class.
_SIMPLE = (
    ("notifications", "ws/notifications/", "notifications.consumers.NotificationsEndpoint"),
    ("presence", "ws/online/", "presence.consumers.OnlineEndpoint"),
    ("chat", "ws/chat/<str:room_name>/", "chat.consumers.ChatEndpoint"),
)


def simple_endpoints() -> list[URLPattern]:
    """The simple endpoints of the apps that are installed."""
    return [path(url, import_string(name).as_asgi()) for app, url, name in _SIMPLE if apps.is_installed(app)]


class Endpoints:
    """Finds who answers a request or handshake; made when the apps are ready."""

    def __init__(self) -> None:
        self._simple = SimpleEndpoints(simple_endpoints())

    def find(self, scope: dict[str, Any]) -> Application | None:
        """Who answers; None for a request that is Django's. Paths count from ``root_path``.

        Every WebSocket is answered: one to an unknown path is told so. The token in the query of a handshake is taken
        out of the scope, before anybody could write it to a log.
        """
        if scope["type"] == "websocket":
            hide_token(scope)
            return routes.find(scope) or self._simple
        if found := routes.find(scope):
            return found
        found = fast_path.find(scope)
        return BoundedBodies(found) if found is not None else None
