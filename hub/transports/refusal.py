"""Refuses WebSocket handshakes with an HTTP response."""

from collections.abc import Mapping
from typing import Any

from hub.server.short_answers import respond


async def refuse_handshake(
    scope: Mapping[str, Any], send: Any, status: int, sentence: str, retry_after: int = 0
) -> None:
    """Refuse a handshake with ``status`` and a sentence; a server without this ASGI extension answers 403.

    Args:
        retry_after: seconds for the header ``Retry-After``; 0 for none.
    """
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    await respond(send, status, f"{sentence}\n", retry_after, to_handshake=True)
