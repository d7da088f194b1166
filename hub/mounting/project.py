"""The hub inside a project: in front of its ASGI application, below the URL at which it includes ``hub.urls``."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse

import hub.urls  # noqa: F401  # now, and not with the first request: other processes may ask this one
from hub import lifespan
from hub.config import refuse_faults
from hub.endpoints.cors import Application
from hub.mounting.endpoints import Endpoints


def mount(django_application: Application, websocket: Application | None = None) -> Application:
    """See :func:`hub.mount`."""
    refuse_faults()
    prefix = _prefix()
    endpoints = Endpoints()

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan.application(scope, receive, send)
            return
        root = scope.get("root_path", "")
        found = None
        if scope["path"].removeprefix(root).startswith(f"{prefix}/"):
            # As ASGI has it for an application below another: its paths count from there. In place: the server writes
            # its log from this scope, and a token in the query must not be in it.
            scope["root_path"] = root + prefix
            found = endpoints.find(scope)
        if found is None:
            scope["root_path"] = root  # the prefix is in the project's own URLs
            found = django_application if scope["type"] == "http" else websocket or _no_endpoint
        await found(scope, receive, send)

    return application


async def _no_endpoint(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The project has no WebSockets of its own: the server answers 403."""
    await send({"type": "websocket.close"})


def _prefix() -> str:
    try:
        return reverse("hub:home").rstrip("/")
    except NoReverseMatch:
        raise ImproperlyConfigured(
            "The project's URLs do not include the hub's: add path('hub/', include('hub.urls')) to its urlpatterns."
        ) from None
