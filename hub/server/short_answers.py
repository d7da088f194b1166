"""Short answers of ASGI applications that do not go through Django."""

from collections.abc import Iterable
from typing import Any

TEXT = b"text/plain; charset=utf-8"


async def respond(
    send: Any,
    status: int,
    body: str | bytes = "",
    retry_after: int = 0,
    *,
    content_type: bytes = TEXT,
    headers: Iterable[tuple[bytes, bytes]] = (),
    to_handshake: bool = False,
) -> None:
    """Answer with ``status`` and ``body``.

    Args:
        retry_after: seconds after which another try makes sense; 0 says nothing of that.
        headers: further ones.
        to_handshake: it answers the handshake of a WebSocket, on a server that can do that.
    """
    sent = [(b"content-type", content_type), *headers]
    if retry_after:
        sent.append((b"retry-after", str(retry_after).encode()))
    kind = "websocket.http.response" if to_handshake else "http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": sent})
    await send({"type": f"{kind}.body", "body": body.encode() if isinstance(body, str) else body})
