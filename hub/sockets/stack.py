"""What every socket passes before its door: host and origin, token or session, language."""

from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import structlog
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import DatabaseError
from django.utils import translation

from hub import metrics
from hub.sockets import origin
from hub.sockets.codes import Close
from hub.sockets.secret_query import SCOPE_KEY
from hub.threads import in_database_thread

log = structlog.get_logger(__name__)

UserForToken = Callable[[str], AbstractBaseUser | None]


class SocketStack:
    """ASGI middleware for sockets. Adds to the scope ``user``, ``session_key`` and ``language``.

    Args:
        app: what comes after, given ``websocket.connect`` to receive.
        user_for_token: the user of an access token, or None; called in a database thread.
    """

    def __init__(self, app: Any, user_for_token: UserForToken) -> None:
        self.app = app
        self.user_for_token = user_for_token

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        if not origin.is_allowed(scope.get("scheme", "ws"), headers):
            metrics.CLOSED.labels("origin").inc()
            # Before the handshake: the server answers 403, and no script of that page learns more.
            await send({"type": "websocket.close", "code": int(Close.FORBIDDEN)})
            return
        cookies = _cookies(headers.get(b"cookie", b""))
        token = scope.get(SCOPE_KEY) or _bearer(headers.get(b"authorization", b""))
        scope["session_key"] = None if token else cookies.get(settings.SESSION_COOKIE_NAME)
        scope["language"] = _language(cookies, headers.get(b"accept-language", b""))
        try:
            user = await self._user(token, scope["session_key"])
        except DatabaseError:
            log.exception("user_unknown")
            await _close(send, Close.SERVER_ERROR, "Try again")
            return
        if user is None:
            await _close(send, Close.BAD_TOKEN, "Bad token")
            return
        scope["user"] = user
        await self.app(scope, receive, send)

    async def _user(self, token: str | None, session_key: str | None) -> AbstractBaseUser | AnonymousUser | None:
        """The user, a guest, or None for a token that is not valid: a client that has one must not become a guest."""
        if token:
            return await in_database_thread(self.user_for_token, token)
        if session_key:
            return await in_database_thread(_user_of_session, session_key)
        return AnonymousUser()


async def _close(send: Any, code: Close, reason: str) -> None:
    # A close before the handshake reaches a browser as a bare 1006, which says nothing.
    metrics.CLOSED.labels(str(int(code))).inc()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": int(code), "reason": reason})


def _user_of_session(session_key: str) -> AbstractBaseUser | AnonymousUser:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    user: AbstractBaseUser | AnonymousUser = auth.get_user(SimpleNamespace(session=store(session_key)))  # type: ignore[arg-type]  # all that get_user reads of a request
    return user


def _cookies(header: bytes) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header.decode("latin-1")).items()}
    except CookieError:
        return {}


def _bearer(header: bytes) -> str | None:
    scheme, _, token = header.decode("latin-1").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _language(cookies: dict[str, str], accepted: bytes) -> str:
    """As ``LocaleMiddleware`` decides for a page: the cookie of the switcher, else what the browser asks for."""
    request = SimpleNamespace(
        COOKIES=cookies, META={"HTTP_ACCEPT_LANGUAGE": accepted.decode("latin-1")}, path_info="/"
    )
    return translation.get_language_from_request(request)  # type: ignore[arg-type]  # all that it reads of a request
