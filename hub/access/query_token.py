"""Takes ``?token=`` out of the URL before anything can log it."""

from typing import Any
from urllib.parse import unquote_plus

PARAMETER = b"token"

#: The key of the tokens in the ASGI scope: a list, because a client may send several.
SCOPE_KEY = "hub.token"


def hide_token(scope: dict[str, Any]) -> None:
    """Move ``token`` from ``query_string`` to ``scope["hub.token"]``. Call it before anything else sees the scope.

    The scope is changed in place, because the server writes its log lines from the same dictionary.
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
