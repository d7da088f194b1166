"""``?token=`` for simple clients, taken out of the URL before anything can log it."""

from typing import Any
from urllib.parse import unquote_plus

PARAMETER = b"token"

#: Where the token goes in the ASGI scope.
SCOPE_KEY = "hub.token"


class SecretQuery:
    """ASGI middleware, the outermost: moves ``token`` from ``query_string`` to ``scope["hub.token"]``.

    The scope is changed in place, because the server writes its own log lines from the very same dictionary.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if query := scope.get("query_string"):
            kept = []
            for part in query.split(b"&"):
                name, _, value = part.partition(b"=")
                if unquote_plus(name.decode("latin-1")).strip().lower().encode() == PARAMETER:
                    scope[SCOPE_KEY] = unquote_plus(value.decode("latin-1"))
                else:
                    kept.append(part)
            scope["query_string"] = b"&".join(kept)
        await self.app(scope, receive, send)
