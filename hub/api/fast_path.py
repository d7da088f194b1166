"""The way of a call past Django's middleware, which has nothing to do for a program with a key and takes longer than
the call itself."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.conf import settings

from hub.access import origin
from hub.access.authorization import address_of
from hub.api.answering import BATCH, COMMANDS, answer
from hub.api.method import method_named
from hub.endpoints.cors import Application

PREFIX = "/api"


def find(scope: Mapping[str, Any]) -> Application | None:
    """The ASGI application that answers a call of the API; None for any other request.

    Not for calls that Django would not let through to a view: to a host that is not the hub's, or without HTTPS where
    that is wanted. Those Django answers, as it does any call that it gets (:mod:`hub.api.routes`), so that the API
    works wherever Django does.
    """
    name = _method_in(scope)
    return partial(_call, name) if name is not None and is_let_through(scope) else None


async def _call(name: str, scope: dict[str, Any], receive: Any, send: Any) -> None:
    body = bytearray()
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        body += event.get("body", b"")
        more = event.get("more_body", False)
    reply = await answer(name, bytes(body), scope["headers"], address_of(scope))
    sent = {**reply.headers, "content-length": str(len(reply.body))}
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [(key.encode(), value.encode()) for key, value in sent.items()],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})


def _method_in(scope: Mapping[str, Any]) -> str | None:
    """The method that is called; None where the request is something else."""
    path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
    if scope["method"] != "POST" or not path.startswith(PREFIX):
        return None
    begin, _, name = path.removeprefix(PREFIX).partition("/")
    if begin:  # another URL, such as /apiary
        return None
    return name if name in {BATCH, COMMANDS} or method_named(name) else None


def is_let_through(scope: Mapping[str, Any]) -> bool:
    """Whether Django would let the request through to a view: by its host, and by HTTPS where that is wanted."""
    headers = dict(scope["headers"])
    if not origin.is_own_host(headers.get(b"host", b"").decode("latin-1")):
        return False
    return not settings.SECURE_SSL_REDIRECT or origin.is_secure(scope.get("scheme", "http"), headers)
