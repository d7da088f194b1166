"""The hub inside a project: in front of its ASGI application, below the URL at which it includes ``hub.urls``."""

from typing import Any

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.translation import override

import hub.urls  # noqa: F401  # now, and not with the first request: other processes may ask this one
from hub.config import refuse_faults
from hub.endpoints.cors import Application
from hub.mounting import lifespans
from hub.mounting.endpoints import Endpoints
from hub.web import inclusion, mounts


def mount(django_application: Any, websocket: Any = None) -> Application:
    """See :func:`hub.mount`."""
    mounts.note()
    refuse_faults()
    prefixes = url_prefixes()
    if websocket is None and isinstance(django_application, ProtocolTypeRouter):
        websocket = django_application.application_mapping.get("websocket")
    # At the root of all URLs an address that the hub does not know may be one of the project's.
    endpoints = Endpoints(answers_unknown=websocket is None or "/" not in prefixes)
    lifespan = lifespans.joined(django_application)
    script_name = settings.FORCE_SCRIPT_NAME

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(scope, receive, send)
            return
        if scope["type"] not in {"http", "websocket"}:  # such as what a worker of Channels gets
            await django_application(scope, receive, send)
            return
        root, path = scope.get("root_path", ""), scope["path"]
        below = path.removeprefix(script_name or root)  # a proxy may have taken it off
        found = None
        for prefix in prefixes:
            if below.startswith(prefix):
                # As ASGI has it for an application below another: its paths count from there. In place: the server
                # writes its log from this scope, and a token in the query must not be in it.
                scope["root_path"] = path.removesuffix(below) + prefix[:-1]
                found = endpoints.find(scope)
                break
        if found is None:
            scope["root_path"] = root  # the prefix is in the project's own URLs
            found = django_application if scope["type"] == "http" else websocket or _no_endpoint
        await found(scope, receive, send)

    return mounts.keep(application)


async def _no_endpoint(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The project has no WebSockets of its own: the server answers 403."""
    await send({"type": "websocket.close"})


def url_prefixes() -> tuple[str, ...]:
    """What the paths of the hub begin with, below the script name: more than one where it depends on the language.

    Raises:
        ImproperlyConfigured: the project's URLs do not include the hub's, or inside a namespace of others.
    """
    depends, _ = is_language_prefix_patterns_used(settings.ROOT_URLCONF)
    if not depends:
        return (_prefix(),)
    found = []
    for code, _ in settings.LANGUAGES:
        with override(code):
            found.append(_prefix())
    return tuple(dict.fromkeys(found))


def _prefix() -> str:
    try:
        return "/" + reverse("hub:root").removeprefix(get_script_prefix())
    except NoReverseMatch:
        raise ImproperlyConfigured(inclusion.fault()) from None
