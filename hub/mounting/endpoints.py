"""What the hub answers past Django: client connections, event streams, simple endpoints and calls of the HTTP API."""

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.urls import URLPattern, path
from django.utils.module_loading import import_string

from hub.access.query_token import hide_token
from hub.api import fast_path
from hub.config import hub_settings
from hub.endpoints.cors import Application
from hub.endpoints.routes import Routes
from hub.endpoints.simple.gate import SimpleEndpoints
from hub.server.bodies import BoundedBodies

#: The simple endpoints: the name of each in ``HUB_ENDPOINTS``, the app that owns it, its path, and its class.
_SIMPLE = (
    ("ws/notifications", "notifications", "ws/notifications/", "notifications.consumers.NotificationsEndpoint"),
    ("ws/online", "presence", "ws/online/", "presence.consumers.OnlineEndpoint"),
    ("ws/chat", "chat", "ws/chat/<str:room_name>/", "chat.consumers.ChatEndpoint"),
)


def simple_endpoints(wanted: Collection[str]) -> list[URLPattern]:
    """Those of these simple endpoints whose apps are installed."""
    return [
        path(url, import_string(found).as_asgi())
        for name, app, url, found in _SIMPLE
        if name in wanted and apps.is_installed(app)
    ]


class Endpoints:
    """Finds who answers a request or handshake, of those endpoints that ``HUB_ENDPOINTS`` has; made when the apps are
    ready.

    Args:
        answers_unknown: whether a WebSocket to an unknown path is answered, with a sentence; else it is somebody
            else's.
    """

    def __init__(self, *, answers_unknown: bool = True) -> None:
        self._answers_unknown = answers_unknown
        wanted = hub_settings().endpoints
        self._routes = Routes(wanted)
        self._simple = SimpleEndpoints(simple_endpoints(wanted))
        self._has_api = "api" in wanted
        has_jobs = self._has_api and apps.is_installed("worker")
        self._job_events: Any = import_string("worker.tracking.event_stream.find") if has_jobs else None

    def find(self, scope: dict[str, Any]) -> Application | None:
        """Who answers; None for a request that is not for the hub's endpoints. Paths count from ``root_path``.

        The token in the query of a handshake is taken out of the scope, before anybody could write it to a log.
        """
        if scope["type"] == "websocket":
            if not self._answers_unknown and not self._knows(scope):
                return None
            hide_token(scope)
            return self._routes.find(scope) or self._simple
        if found := self._routes.find(scope):
            return found
        found = fast_path.find(scope) if self._has_api else None
        if found is None and self._job_events is not None:
            found = self._job_events(scope)
        return BoundedBodies(found) if found is not None else None

    def _knows(self, scope: dict[str, Any]) -> bool:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        return self._routes.knows("websocket", path) or self._simple.knows(path)
