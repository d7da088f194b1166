"""Answers to handshakes that are not taken: by HTTP, as long as the socket is not open."""

from collections.abc import Mapping
from typing import Any

from hub.server.short_answers import respond

#: What a client is told that connects too often.
TOO_OFTEN = "You connect too often. Try again in a moment."


async def turn_away(scope: Mapping[str, Any], send: Any, status: int, sentence: str, retry_after: int = 0) -> None:
    """Answer the handshake with ``status`` and a sentence; a server that cannot do that answers 403.

    Args:
        retry_after: seconds after which another try makes sense; 0 says nothing of that.
    """
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    await respond(send, status, f"{sentence}\n", retry_after, to_handshake=True)
