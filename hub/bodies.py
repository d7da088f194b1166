"""A bound on what a request may bring: Django reads the body of every request to its end before it looks at it."""

from typing import Any

#: Bytes of one request's body; the shipped nginx has the same bound.
BODY_LIMIT = 1024 * 1024


class _TooBig(Exception):
    pass


class BoundedBodies:
    """An ASGI application for HTTP: ``application``, and 413 for a body over :data:`BODY_LIMIT`, however it comes."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        size, has_answered = 0, False

        async def bounded_receive() -> Any:
            nonlocal size
            event = await receive()
            size += len(event.get("body", b""))
            if size > BODY_LIMIT:
                raise _TooBig
            return event

        async def noted_send(event: Any) -> None:
            nonlocal has_answered
            has_answered = True
            await send(event)

        if _announced(scope) > BODY_LIMIT:
            await _refuse(send)
            return
        try:
            await self._application(scope, bounded_receive, noted_send)
        except _TooBig:
            if not has_answered:
                await _refuse(send)


def _announced(scope: dict[str, Any]) -> int:
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value) for value in values if value.isdigit()), default=0)


async def _refuse(send: Any) -> None:
    # The connection cannot be used again: what is left of the body would be taken for the next request.
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": f"A request has {BODY_LIMIT} bytes at most.\n".encode()})
