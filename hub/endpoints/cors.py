"""CORS for the HTTP transports: pages of other origins that may open WebSockets may use the streams as well."""

from collections.abc import Awaitable, Callable
from typing import Any

from hub.access import origin

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, content-type, last-event-id"),
    (b"access-control-max-age", b"600"),
]


def shared(application: Application) -> Application:
    """Let pages of allowed origins read the answers of ``application``, which itself decides who may ask."""

    async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
        asking = dict(scope["headers"]).get(b"origin")
        if asking is None or not origin.may_open(scope):
            await application(scope, receive, send)
            return
        headers = [(b"access-control-allow-origin", asking), (b"vary", b"origin")]
        if origin.may_use_cookies(scope.get("scheme", "http"), dict(scope["headers"])):
            headers.append((b"access-control-allow-credentials", b"true"))
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": [*headers, *_PREFLIGHT]})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_shared(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        await application(scope, receive, send_shared)

    return answer
