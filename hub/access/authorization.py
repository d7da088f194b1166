"""Reads the credential of a request or handshake: the header ``Authorization``, ``?token=``, or a subprotocol.

The hub refuses a credential that it cannot read. A client that sends one never becomes a guest by a typing error, and
two different credentials are refused because nothing says which one counts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hub.access import subprotocol
from hub.access.query_token import SCOPE_KEY

#: Schemes of access tokens and signed tokens: RFC 6750's, and that of Django REST framework.
TOKEN_SCHEMES = frozenset({"bearer", "token"})

#: The scheme of API keys.
KEY_SCHEMES = frozenset({"apikey"})

_Headers = Iterable[tuple[bytes, bytes]]


class NotValid(ValueError):
    """The credential cannot be used. The text says why, for the log, and holds no part of the credential."""


def token_of(scope: dict[str, Any]) -> str | None:
    """Remove the token from the scope of an ASGI request or handshake and return it; None if there is none.

    Raises:
        NotValid: the text is not a token, or several tokens differ.
    """
    in_query: list[str] = scope.pop(SCOPE_KEY, [])
    token = _one([*in_query, *subprotocol.take_tokens(scope), *_presented(scope["headers"], TOKEN_SCHEMES)])
    if token == "":
        raise NotValid("an empty token")
    return token


def token_in(header: str | None) -> str | None:
    """The token in the header ``Authorization`` of a request; None if the header is absent.

    Raises:
        NotValid: the header holds no token, or several: Django joins them with a comma.
    """
    return None if header is None else _credential(header, TOKEN_SCHEMES)


def key_of(headers: _Headers) -> str:
    """The API key in ``X-API-Key`` or ``Authorization: apikey …``; empty if there is none.

    Raises:
        NotValid: the key cannot be read, or several keys differ.
    """
    headers = list(headers)
    in_header = [value.decode("latin-1").strip() for name, value in headers if name == b"x-api-key"]
    return _one([*in_header, *_presented(headers, KEY_SCHEMES)]) or ""


def address_of(scope: Mapping[str, Any]) -> str:
    """The client's address, for the log; empty if it has none, as over a unix socket."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _presented(headers: _Headers, schemes: frozenset[str]) -> list[str]:
    return [_credential(value.decode("latin-1"), schemes) for name, value in headers if name == b"authorization"]


def _credential(header: str, schemes: frozenset[str]) -> str:
    scheme, _, credential = header.strip().partition(" ")
    credential = credential.strip()
    if scheme.lower() not in schemes:
        # The text does not quote the scheme: a client that forgets it has put the secret there.
        raise NotValid(f"Authorization is not of the form: {' or '.join(sorted(schemes))}, then the credential")
    if not credential or any(not "!" <= character <= "~" or character == "," for character in credential):
        raise NotValid("Authorization holds no credential, several, or characters that none has")
    return credential


def _one(presented: list[str]) -> str | None:
    if len(set(presented)) > 1:
        raise NotValid("two different credentials at once")
    return presented[0] if presented else None
