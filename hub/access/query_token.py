"""``?token=`` for simple clients, taken out of the URL before anything can log it."""

from typing import Any
from urllib.parse import unquote_plus

PARAMETER = b"token"

#: Where the tokens go in the ASGI scope: a list, because nothing keeps a client from sending several.
SCOPE_KEY = "hub.token"


def hide_token(scope: dict[str, Any]) -> None:
    """Move ``token`` from ``query_string`` to ``scope["hub.token"]``. Call it before anything else sees the scope.

    The scope is changed in place, because the server writes its own log lines from the very same dictionary.
    """
    if query := scope.get("query_string"):
        kept = []
        for part in query.split(b"&"):
            name, _, value = part.partition(b"=")
            if unquote_plus(name.decode("latin-1")).strip().lower().encode() == PARAMETER:
                scope.setdefault(SCOPE_KEY, []).append(unquote_plus(value.decode("latin-1")))
            else:
                kept.append(part)
        scope["query_string"] = b"&".join(kept)
