"""The way of a call past Django's middleware, which has nothing to do for a program with a key and takes longer than
the call itself."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from hub.api.answering import BATCH, HEADERS, KEY_HEADER, answer
from hub.api.method import method_named

PREFIX = "/api/"


class ApiDoor:
    """An ASGI application for HTTP: answers calls of the API by itself, and has ``application`` answer all else.

    Also calls that Django would not let through to a view: to a host that is not the hub's, or without HTTPS where
    that is wanted. And those that Django gets it answers alike (:mod:`hub.api.routes`), so that the API works wherever
    Django does.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        name = _method_in(scope)
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]} if name else {}
        if not name or not _is_let_through(scope, headers):
            await self._application(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            body += event.get("body", b"")
            more = event.get("more_body", False)
        status, reply = await answer(name, bytes(body), headers.get(KEY_HEADER, ""))
        sent = {**HEADERS, "content-length": str(len(reply))}
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(key.encode(), value.encode()) for key, value in sent.items()],
            }
        )
        await send({"type": "http.response.body", "body": reply})


def _method_in(scope: Mapping[str, Any]) -> str:
    """The method that is called; empty where the request is something else."""
    path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
    if scope["method"] != "POST" or not path.startswith(PREFIX):
        return ""
    name = path.removeprefix(PREFIX)
    return name if name == BATCH or method_named(name) else ""


def _is_let_through(scope: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    domain, _ = split_domain_port(headers.get("host", "").lower())
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    return not settings.SECURE_SSL_REDIRECT or _is_secure(scope, headers)


def _is_secure(scope: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    if settings.SECURE_PROXY_SSL_HEADER is None:
        return bool(scope.get("scheme") == "https")
    name, value = settings.SECURE_PROXY_SSL_HEADER
    return headers.get(name.removeprefix("HTTP_").replace("_", "-").lower()) == value
