"""Who may open a connection of the hub socket, over a WebSocket or over HTTP: host and origin, and who is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.http import parse_cookie

from hub.sockets import credentials, origin
from hub.sockets.entrance import SESSION_KEY, bearer_of, language_of
from hub.sockets.secret_query import SCOPE_KEY

#: The digest by which an access token is known, or None for what is no token.
DigestOf = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who came in.

    Args:
        user: None where the credential is not valid: such a client is refused when it says who it is, with a code
            that it understands.
        credential: in the form of :mod:`hub.sockets.credentials`; empty for a guest.
        token: what came as a bearer token and is no access token: a signed one, perhaps.
        language: of texts for people.
    """

    user: User | AnonymousUser | None
    credential: str
    token: str
    language: str


def _no_digest(token: str) -> str | None:
    return None


#: Set by the composition root.
digest_of: DigestOf = _no_digest


def may_open(scope: Mapping[str, Any]) -> bool:
    """Whether a page, or a program, of this host and origin may open a connection."""
    return origin.is_allowed(scope.get("scheme", "http"), dict(scope["headers"]))


async def admit(scope: dict[str, Any]) -> Admitted:
    """Who is at the other end, by access token or session. Raises ``django.db.Error``."""
    headers = dict(scope["headers"])
    # Django's own reader, as for a page: one strange cookie of another application must not hide the session.
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    language = language_of(cookies, headers.get(b"accept-language", b""))
    token = scope.pop(SCOPE_KEY, None)
    if token is None:
        token = bearer_of(headers.get(b"authorization", b""))
    if token is not None:
        digest = digest_of(token)
        if digest is None:
            return Admitted(AnonymousUser() if token else None, "", token, language)
        credential = credentials.of_token(digest)
        return Admitted(await credentials.user_for(credential), credential, "", language)
    key = cookies.get(settings.SESSION_COOKIE_NAME)
    if key and SESSION_KEY.fullmatch(key):
        credential = credentials.of_session(key)
        if user := await credentials.user_for(credential):
            return Admitted(user, credential, "", language)
    return Admitted(AnonymousUser(), "", "", language)
