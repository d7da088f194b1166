"""The ASGI application of the simple endpoints: lets a client in, then calls the endpoint of its URL."""

from collections.abc import Sequence
from typing import Any

from django.urls import URLPattern

from hub.access import authentication, revalidation
from hub.access.reasons import End, Ended
from hub.access.subprotocol import chosen
from hub.config import hub_settings
from hub.endpoints import admission
from hub.endpoints.simple.unknown import UnknownEndpoint


class SimpleEndpoints:
    """The ASGI application for WebSockets.

    It releases what it needed before the endpoint starts, so that a long connection does not keep it in memory. The
    endpoint finds ``user``, ``credential``, ``language`` and ``url_route`` in the scope, and ``expires`` where a token
    ends.

    Args:
        endpoints: URL patterns in the order in which they are tried; the view of each is an ASGI application.
    """

    def __init__(self, endpoints: Sequence[URLPattern]) -> None:
        self.endpoints = endpoints

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        revalidation.current()
        try:
            who, counted = await authentication.admit(scope)
        except Ended as refused:
            await admission.refuse(scope, send, refused, _closing, chosen(scope))
            return
        try:
            try:
                # Whoever sends a token never becomes a guest, and there may be none.
                if who.user is None or who.token or not hub_settings().guests:
                    who = await authentication.by_handshake(who, counted)
            except Ended as refused:
                await admission.refuse(scope, send, refused, _closing, chosen(scope))
                return
            scope["user"], scope["credential"], scope["language"] = who.user, who.credential, who.language
            if who.expires is not None:
                scope["expires"] = who.expires
            del who
            found = self._find(scope["path"].removeprefix(scope.get("root_path", "")))
            endpoint, scope["url_route"] = found or (UnknownEndpoint.as_asgi(), {"args": (), "kwargs": {}})
            await endpoint(scope, receive, send)
        finally:
            counted.leave()

    def knows(self, path: str) -> bool:
        """Whether there is an endpoint at ``path``, below the hub's prefix."""
        return self._find(path) is not None

    def _find(self, path: str) -> tuple[Any, dict[str, Any]] | None:
        """The endpoint, and the ``url_route`` of its scope."""
        # The last slash of a URL is optional: a WebSocket cannot be redirected.
        for written in (path.removeprefix("/"), f"{path.removeprefix('/')}/"):
            for endpoint in self.endpoints:
                if match := endpoint.pattern.match(written):
                    _, args, kwargs = match
                    return endpoint.callback, {"args": args, "kwargs": {**kwargs, **endpoint.default_args}}
        return None


def _closing(reason: End) -> tuple[int, str]:
    return reason.on_simple
