"""What every socket passes before its door: host and origin, token or session, language."""

import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import Error as DatabaseFault
from django.http import parse_cookie
from django.urls import URLPattern
from django.utils import translation

from hub import metrics
from hub.faults import described
from hub.sockets import authorization, credentials, limits, origin, rights
from hub.sockets.codes import Close
from hub.sockets.credentials import Invalid
from hub.sockets.turning_away import TOO_OFTEN, turn_away
from hub.sockets.unknown import UnknownDoor

log = structlog.get_logger(__name__)

#: The digest by which a token is known, or None for what is no token.
DigestOf = Callable[[str], str | None]

#: What a session key can look like; anything else is a guest's, without asking the database.
SESSION_KEY = re.compile(r"[a-z0-9]{8,40}", re.ASCII)


class Entrance:
    """The ASGI application for sockets: admits a client, then hands it to the door of its URL.

    What it needed for that it has let go when the door begins, so that a socket that stays open for days keeps none
    of it. A door finds in the scope ``user``, ``credential``, ``language`` and ``url_route``.

    Args:
        doors: URL patterns in the order in which they are tried; the view of each is an ASGI application.
        digest_of: of an access token; :mod:`hub.sockets.credentials` knows whose it is.
    """

    def __init__(self, doors: Sequence[URLPattern], digest_of: DigestOf) -> None:
        self.doors = doors
        self.digest_of = digest_of

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        rights.current()
        if not await self._admits(scope, send):
            return
        address, user_id = limits.counted_address(scope.get("client")), scope["user"].pk
        if wait := limits.connect_wait(address, user_id):
            await turn_away(scope, send, 429, TOO_OFTEN, wait)
            return
        if not limits.connections.enter(address, user_id):
            await _close(send, Close.TOO_MANY, "Too many connections")
            return
        try:
            await self._door(scope)(scope, receive, send)
        finally:
            limits.connections.leave(address, user_id)

    async def _admits(self, scope: dict[str, Any], send: Any) -> bool:
        headers = dict(scope["headers"])
        if not origin.is_allowed(scope.get("scheme", "ws"), headers):
            metrics.CLOSED.labels("origin").inc()
            # Before the handshake: the server answers 403, and no script of that page learns more.
            await send({"type": "websocket.close", "code": int(Close.FORBIDDEN)})
            return False
        # Django's own reader, as for a page: one strange cookie of another application must not hide the session.
        cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        scope["language"] = language_of(cookies, headers.get(b"accept-language", b""))
        try:
            token = authorization.token_of(scope)
            user = await self._identify(scope, token, cookies.get(settings.SESSION_COOKIE_NAME))
        except DatabaseFault as error:
            log.error("user_unknown", **described(error))  # noqa: TRY400  # a traceback where it says more
            await _close(send, Close.SERVER_ERROR, "Try again")
            return False
        except authorization.NotValid as fault:
            credentials.log_refusal(str(fault), authorization.address_of(scope))
            await _close(send, Close.BAD_TOKEN, "Bad token")
            return False
        scope["user"] = user
        return True

    def _door(self, scope: dict[str, Any]) -> Any:
        path = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix("/")
        # Whoever types a URL leaves the last slash out; there is no page here that could redirect.
        for written in (path, f"{path}/"):
            for door in self.doors:
                if match := door.pattern.match(written):
                    _, args, kwargs = match
                    scope["url_route"] = {"args": args, "kwargs": {**kwargs, **door.default_args}}
                    return door.callback
        scope["url_route"] = {"args": (), "kwargs": {}}
        return UnknownDoor.as_asgi()

    async def _identify(
        self, scope: dict[str, Any], token: str | None, session_key: str | None
    ) -> User | AnonymousUser:
        """The user, or a guest; ``NotValid`` for a token that is not valid: who has one must not become a guest."""
        scope["credential"] = ""
        if token is not None:
            digest = self.digest_of(token)
            if digest is None:
                raise authorization.NotValid("no access token")
            scope["credential"] = credentials.of_token(digest)
            found = await credentials.whose(scope["credential"])
            if isinstance(found, Invalid):
                raise authorization.NotValid(f"access token {found}")
            return found
        if session_key and SESSION_KEY.fullmatch(session_key):
            credential = credentials.of_session(session_key)
            found = await credentials.whose(credential)
            if not isinstance(found, Invalid):
                scope["credential"] = credential
                return found
        return AnonymousUser()


async def _close(send: Any, code: Close, reason: str) -> None:
    # A close before the handshake reaches a browser as a bare 1006, which says nothing.
    metrics.CLOSED.labels(str(int(code))).inc()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": int(code), "reason": reason})


def language_of(cookies: dict[str, str], accepted: bytes) -> str:
    """As ``LocaleMiddleware`` decides for a page: the cookie of the switcher, else what the browser asks for."""
    request = SimpleNamespace(
        COOKIES=cookies, META={"HTTP_ACCEPT_LANGUAGE": accepted.decode("latin-1")}, path_info="/"
    )
    return translation.get_language_from_request(request)  # type: ignore[arg-type]  # all that it reads of a request
