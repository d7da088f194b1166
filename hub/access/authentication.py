"""Authentication of every client: host and origin, then an access token, a session, or a signed token."""

from dataclasses import dataclass, replace
from typing import Any

import structlog
from django.contrib.auth.models import AnonymousUser
from django.db import Error as DatabaseFault
from django.http import HttpRequest, parse_cookie

from hub.access import authorization, credentials, origin, signed_tokens
from hub.access.authorization import NotValid
from hub.access.credentials import Invalid
from hub.access.reasons import End, Ended
from hub.access.signed_tokens import BadToken, Claims, TokenExpired
from hub.access.visitor import language_of, session_key_in
from hub.channels import UnknownChannel, find
from hub.concurrency.faults import described
from hub.limits.connections import Counted, TooManyConnections, connect_wait, counted_address
from hub.users import User, Visitor

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who a client is.

    Args:
        user: None if the credential is not valid: no endpoint lets such a client in as a guest.
        credential: in the form of :mod:`hub.access.credentials`; empty for a guest.
        token: of the handshake, if it is not an access token: perhaps a signed one, see :func:`by_token`.
        language: of texts for people.
        address: of the client, for the log.
        info: JSON that others are told of this connection, from a signed token; empty for none.
        channels: that the hub subscribes the client to, from a signed token.
        expires: the Unix time at which the token ends; None for never.
    """

    user: Visitor | None
    credential: str = ""
    token: str = ""
    language: str = ""
    address: str = ""
    info: bytes = b""
    channels: tuple[str, ...] = ()
    expires: float | None = None


async def admit(scope: dict[str, Any]) -> tuple[Authenticated, Counted]:
    """Authenticate a handshake or request, and count its connection; the caller must ``leave()`` the count.

    Raises:
        Ended: the page or program may not connect, connects too often or has too many connections; or the database
            does not answer. Whether the credential is valid is for the endpoint to say.
    """
    if not origin.is_allowed(scope.get("scheme", "http"), dict(scope["headers"])):
        raise Ended(End.FORBIDDEN)
    try:
        who = await authenticate(scope)
    except DatabaseFault as error:
        log.error("user_unknown", **described(error))  # noqa: TRY400  # a traceback where it says more
        raise Ended(End.SERVER_ERROR) from None
    address = counted_address(scope.get("client"))
    key = who.user.pk if who.user is not None else None
    if wait := connect_wait(address, key):
        raise Ended(End.TOO_OFTEN, retry_after=wait)
    try:
        return who, Counted(address, key)
    except TooManyConnections:
        raise Ended(End.TOO_MANY) from None


async def authenticate(scope: dict[str, Any]) -> Authenticated:
    """Authenticate by access token or session. Why a token is refused is logged.

    Raises ``django.db.Error``.
    """
    headers = dict(scope["headers"])
    # Django's own reader, as for a page: one strange cookie of another application must not hide the session.
    cookies = parse_cookie(cookie.decode("latin-1")) if (cookie := headers.get(b"cookie")) else {}
    language = language_of(cookies, headers.get(b"accept-language", b""))
    address = authorization.address_of(scope)
    try:
        token = authorization.token_of(scope)
        if token is not None:
            credential = credentials.presented(token)
            if not credential:
                return Authenticated(AnonymousUser(), "", token, language, address)
            owner = _valid(await credentials.whose(credential), "access token")
            return Authenticated(owner, credential, "", language, address)
    except NotValid as fault:
        credentials.log_refusal(str(fault), address)
        return Authenticated(None, "", "", language, address)
    if key := session_key_in(cookies):
        credential = credentials.of_session(key)
        found = await credentials.whose(credential)
        if not isinstance(found, Invalid):
            return Authenticated(found, credential, "", language, address)
    return Authenticated(AnonymousUser(), "", "", language, address)


async def by_token(token: str, who: Authenticated) -> Authenticated:
    """Authenticate by a token that a client sends later; without one, by that of its handshake.

    Raises:
        Ended: the token or the credential is not valid. A client that sends one never becomes a guest.
        TokenExpired: it was a signed token.
        django.db.Error: the user cannot be read.
    """
    if not token:
        if who.user is None:  # the reason has been logged
            raise Ended(End.BAD_TOKEN)
        token = who.token
    if not token:
        return who
    claims: Claims | None = None
    try:
        if credential := credentials.presented(token):
            owner = _valid(await credentials.whose(credential), "access token")
            return replace(who, user=owner, credential=credential)
        claims = claims_of(token, who.address)
        user, credential = await _named_by(claims)
    except NotValid as fault:
        log_refused(str(fault), who.address, claims)
        raise Ended(End.BAD_TOKEN) from None
    except BadToken:
        raise Ended(End.BAD_TOKEN) from None
    channels = tuple(channel for channel in (*claims.channels, *claims.subs) if _is_for_clients(channel))
    info, expires = claims.conn_info, claims.exp
    return replace(who, user=user, credential=credential, info=info, channels=channels, expires=expires)


def by_request(request: HttpRequest) -> Visitor:
    """Who sends a request of Django's: by the access token in ``Authorization`` or, without one, the session.

    Raises:
        NotValid: the token is not; the reason is logged.
    """
    try:
        token = authorization.token_in(request.headers.get("Authorization"))
        if token is None:
            return request.user
        credential = credentials.presented(token)
        found = credentials.find([credential])[credential] if credential else Invalid.UNKNOWN
        return _valid(found, "access token")
    except NotValid as fault:
        credentials.log_refusal(str(fault), request.META.get("REMOTE_ADDR", ""))
        raise


def claims_of(token: str, address: str) -> Claims:
    """What a signed token says. Why it is refused is logged.

    Raises:
        BadToken, TokenExpired: as :func:`hub.access.signed_tokens.read`.
    """
    try:
        return signed_tokens.read(token)
    except TokenExpired:
        log_refused("signed token: expired", address)
        raise
    except BadToken as fault:
        log_refused(f"signed token: {fault}", address)
        raise


def log_refused(reason: str, address: str, claims: Claims | None = None) -> None:
    """Log why a token was refused, and the user that a valid signature names."""
    credentials.log_refusal(reason, address, **({} if claims is None else {"user": claims.sub}))


async def _named_by(claims: Claims) -> tuple[Visitor, str]:
    if claims.channel:
        raise NotValid("signed token: it opens a channel, not a connection")
    if not claims.sub:
        return AnonymousUser(), ""
    credential = credentials.of_user(claims.sub)
    return _valid(await credentials.whose(credential), "signed token: its user is"), credential


def _valid(found: User | Invalid, what: str) -> User:
    if isinstance(found, Invalid):
        raise NotValid(f"{what} {found}")
    return found


def _is_for_clients(channel: str) -> bool:
    try:
        find(channel)
    except UnknownChannel:
        return False
    return True
