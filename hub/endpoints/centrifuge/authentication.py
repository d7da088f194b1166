"""Authentication of client connections, over a WebSocket or HTTP: host and origin, token or session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.http import parse_cookie

from hub.access import authorization, credentials, origin
from hub.access.credentials import Invalid
from hub.access.visitor import SESSION_KEY, language_of

#: The digest by which an access token is known, or None for what is no token.
DigestOf = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The result of authentication.

    Args:
        user: None if the credential is not valid: such a client is refused when it sends ``connect``, with a code that
            it understands.
        credential: in the form of :mod:`hub.access.credentials`; empty for a guest.
        token: a token that is not an access token, so perhaps a signed one.
        language: of texts for people.
        address: of the client, for the log.
    """

    user: User | AnonymousUser | None
    credential: str
    token: str
    language: str
    address: str = ""


def _no_digest(token: str) -> str | None:
    return None


#: Set by the composition root.
digest_of: DigestOf = _no_digest


def may_open(scope: Mapping[str, Any]) -> bool:
    """Whether a page or program with this host and origin may open a connection."""
    return origin.is_allowed(scope.get("scheme", "http"), dict(scope["headers"]))


async def authenticate(scope: dict[str, Any]) -> Authenticated:
    """Authenticate by access token or session. Why a token is refused is logged.

    Raises ``django.db.Error``.
    """
    headers = dict(scope["headers"])
    # Django's own reader, as for a page: one strange cookie of another application must not hide the session.
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    language = language_of(cookies, headers.get(b"accept-language", b""))
    address = authorization.address_of(scope)
    try:
        token = authorization.token_of(scope)
    except authorization.NotValid as fault:
        credentials.log_refusal(str(fault), address)
        return Authenticated(None, "", "", language, address)
    if token is not None:
        digest = digest_of(token)
        if digest is None:
            if not token:
                credentials.log_refusal("an empty token", address)
            return Authenticated(AnonymousUser() if token else None, "", token, language, address)
        credential = credentials.of_token(digest)
        found = await credentials.whose(credential)
        if isinstance(found, Invalid):
            credentials.log_refusal(f"access token {found}", address)
            return Authenticated(None, credential, "", language, address)
        return Authenticated(found, credential, "", language, address)
    key = cookies.get(settings.SESSION_COOKIE_NAME)
    if key and SESSION_KEY.fullmatch(key):
        credential = credentials.of_session(key)
        found = await credentials.whose(credential)
        if not isinstance(found, Invalid):
            return Authenticated(found, credential, "", language, address)
    return Authenticated(AnonymousUser(), "", "", language, address)
