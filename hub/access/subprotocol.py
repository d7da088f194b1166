"""A token in the subprotocols of a WebSocket: browsers set no other header, and no URL should have it.

new WebSocket(url, ["hub", "hub.token." + token])
"""

from typing import Any

#: What a client offers beside its token, and the hub answers with: a browser closes a WebSocket whose server takes
#: none of what it offered, and the token is not to come back.
SUBPROTOCOL = "hub"

#: What stands before the token.
PREFIX = "hub.token."


def take_tokens(scope: dict[str, Any]) -> list[str]:
    """Remove the tokens from the subprotocols that an ASGI handshake offers, and return them."""
    offered = scope.get("subprotocols")
    if not offered:
        return []
    scope["subprotocols"] = [one for one in offered if not one.startswith(PREFIX)]
    return [one.removeprefix(PREFIX) for one in offered if one.startswith(PREFIX)]


def chosen(scope: dict[str, Any]) -> str | None:
    """The subprotocol that the hub answers with, where the endpoint speaks none of its own."""
    return SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", ()) else None
