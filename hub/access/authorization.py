"""What a request or a handshake shows to prove who is there: the header ``Authorization``, or ``?token=``.

What the hub does not understand is refused. A client that says who it is must never become a guest by a typing error,
and of two different credentials nobody knows which one was meant.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hub.access.query_token import SCOPE_KEY

#: Schemes of access tokens and signed tokens: RFC 6750's, and that of Django REST framework.
TOKEN_SCHEMES = frozenset({"bearer", "token"})

#: The scheme of API keys.
KEY_SCHEMES = frozenset({"apikey"})

_Headers = Iterable[tuple[bytes, bytes]]


class NotValid(ValueError):
    """What was shown proves nothing. What the error says is why, for the log: nothing of what was shown is in it."""


def token_of(scope: dict[str, Any]) -> str | None:
    """Take the token that came with an ASGI request or handshake out of its scope; None where nothing came.

    Raises:
        NotValid: what came is no token, or there are several that differ.
    """
    in_query: list[str] = scope.pop(SCOPE_KEY, [])
    return _one([*in_query, *_shown(scope["headers"], TOKEN_SCHEMES)])


def token_in(header: str | None) -> str | None:
    """The token in the header ``Authorization`` of a request; None where it has none.

    Raises:
        NotValid: it is no token, or there are several: Django joins them with a comma.
    """
    return None if header is None else _credential(header, TOKEN_SCHEMES)


def key_of(headers: _Headers) -> str:
    """The API key in ``X-API-Key`` or ``Authorization: apikey …``; empty where there is none.

    Raises:
        NotValid: it cannot be read, or there are several that differ.
    """
    headers = list(headers)
    in_header = [value.decode("latin-1").strip() for name, value in headers if name == b"x-api-key"]
    return _one([*in_header, *_shown(headers, KEY_SCHEMES)]) or ""


def address_of(scope: Mapping[str, Any]) -> str:
    """The client's address, for the log; empty where it has none, as over a unix socket."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _shown(headers: _Headers, schemes: frozenset[str]) -> list[str]:
    return [_credential(value.decode("latin-1"), schemes) for name, value in headers if name == b"authorization"]


def _credential(header: str, schemes: frozenset[str]) -> str:
    scheme, _, credential = header.strip().partition(" ")
    credential = credential.strip()
    if scheme.lower() not in schemes:
        # Not which: who forgets the scheme has written the secret in its place.
        raise NotValid(f"Authorization is not of the form: {' or '.join(sorted(schemes))}, then the credential")
    if not credential or any(not "!" <= character <= "~" or character == "," for character in credential):
        raise NotValid("Authorization holds no credential, several, or characters that none has")
    return credential


def _one(shown: list[str]) -> str | None:
    if len(set(shown)) > 1:
        raise NotValid("two different credentials at once")
    return shown[0] if shown else None
