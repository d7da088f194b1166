"""Authentication of WebSockets of the simple endpoints: host and origin, token or session, language."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import Error as DatabaseFault
from django.http import parse_cookie
from django.urls import URLPattern

from hub.access import authorization, credentials, origin, revalidation
from hub.access.credentials import Invalid
from hub.access.visitor import SESSION_KEY, language_of
from hub.concurrency.faults import described
from hub.endpoints.simple.codes import Close
from hub.endpoints.simple.unknown import UnknownEndpoint
from hub.limits import connections
from hub.ops import metrics
from hub.transports.refusal import TOO_OFTEN, refuse_handshake

log = structlog.get_logger(__name__)

#: The digest by which a token is known, or None for what is no token.
DigestOf = Callable[[str], str | None]


class Authentication:
    """The ASGI application for WebSockets: authenticates a client, then calls the endpoint of its URL.

    It releases what it needed before the endpoint starts, so that a long connection does not keep it in memory. The
    endpoint finds ``user``, ``credential``, ``language`` and ``url_route`` in the scope.

    Args:
        endpoints: URL patterns in the order in which they are tried; the view of each is an ASGI application.
        digest_of: of an access token; :mod:`hub.access.credentials` knows whose it is.
    """

    def __init__(self, endpoints: Sequence[URLPattern], digest_of: DigestOf) -> None:
        self.endpoints = endpoints
        self.digest_of = digest_of

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        revalidation.current()
        if not await self._authenticate(scope, send):
            return
        address, user_id = connections.counted_address(scope.get("client")), scope["user"].pk
        if wait := connections.connect_wait(address, user_id):
            await refuse_handshake(scope, send, 429, TOO_OFTEN, wait)
            return
        if not connections.connections.enter(address, user_id):
            await _close(send, Close.TOO_MANY, "Too many connections")
            return
        try:
            await self._endpoint(scope)(scope, receive, send)
        finally:
            connections.connections.leave(address, user_id)

    async def _authenticate(self, scope: dict[str, Any], send: Any) -> bool:
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

    def _endpoint(self, scope: dict[str, Any]) -> Any:
        path = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix("/")
        # The last slash of a URL is optional: a WebSocket cannot be redirected.
        for written in (path, f"{path}/"):
            for endpoint in self.endpoints:
                if match := endpoint.pattern.match(written):
                    _, args, kwargs = match
                    scope["url_route"] = {"args": args, "kwargs": {**kwargs, **endpoint.default_args}}
                    return endpoint.callback
        scope["url_route"] = {"args": (), "kwargs": {}}
        return UnknownEndpoint.as_asgi()

    async def _identify(
        self, scope: dict[str, Any], token: str | None, session_key: str | None
    ) -> User | AnonymousUser:
        """The user, or a guest. Raises ``NotValid`` for an invalid token: its client must not become a guest."""
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
