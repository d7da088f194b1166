"""Authentication of every client: host and origin, then an access token, a session, or a signed token."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import Error as DatabaseFault
from django.http import HttpRequest, parse_cookie

from hub.access import authorization, credentials, origin, signed_tokens, token_people
from hub.access.authorization import NotValid
from hub.access.credentials import Invalid
from hub.access.reasons import End, Ended
from hub.access.signed_tokens import BadToken, Claims, KeysUnavailable, TokenExpired
from hub.access.visitor import language_of, session_key_in
from hub.channels import UnknownChannel, find
from hub.concurrency.faults import described
from hub.config import hub_settings
from hub.limits.connections import Counted, TooManyConnections, connect_wait, counted_address
from hub.logs import get_logger
from hub.logs.rare_log import RareLog
from hub.users import User, Visitor, written_key

log = get_logger(__name__)

#: While the database or a directory of people is away, clients try again thousands of times.
_rare_log = RareLog(log)


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
    credential: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    language: str = ""
    address: str = ""
    info: bytes = b""
    channels: tuple[str, ...] = ()
    expires: float | None = None


async def admit(scope: dict[str, Any]) -> tuple[Authenticated, Counted]:
    """Authenticate a handshake or request, and count its connection; the caller must ``leave()`` the count.

    Raises:
        Ended: the page or program may not connect, connects too often or has too many connections; or the database,
            or what the project asks for people, does not answer. Whether the credential is valid is for the endpoint
            to say.
    """
    if not origin.is_allowed(scope.get("scheme", "http"), dict(scope["headers"])):
        raise Ended(End.FORBIDDEN)
    try:
        who = await authenticate(scope)
    except DatabaseFault as error:
        raise _unknown(error) from None
    address = counted_address(scope.get("client"))
    key = written_key(who.user) if who.user is not None else None
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
    cookie = headers.get(b"cookie")
    if cookie and not origin.may_use_cookies(scope.get("scheme", "http"), headers):
        cookie = None
    # Django's own reader, as for a page: one strange cookie of another application must not hide the session.
    cookies = parse_cookie(cookie.decode("latin-1")) if cookie else {}
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
        if found is Invalid.NO_CHANNEL:
            credentials.log_refusal(f"session {found}", address)
    return Authenticated(AnonymousUser(), "", "", language, address)


async def by_token(token: str, who: Authenticated) -> Authenticated:
    """Authenticate by a token that a client sends later; without one, by that of its handshake.

    Raises:
        Ended: the token or the credential is not valid, so that a client that sends one never becomes a guest; or
            nobody can say just now whether it is; or the client is a guest, and there are to be none.
        TokenExpired: it was a signed token.
        django.db.Error: the user cannot be read.
    """
    if not token:
        if who.user is None:  # the reason has been logged
            raise Ended(End.BAD_TOKEN)
        token = who.token
    if not token:
        return _if_guests_may(who)
    claims: Claims | None = None
    try:
        if credential := credentials.presented(token):
            owner = _valid(await credentials.whose(credential), "access token")
            return replace(who, user=owner, credential=credential)
        claims = await claims_of(token, who.address)
        credential = _credential_in(claims)
        user = _valid(await _owner_of(claims, credential), _OWNER) if credential else AnonymousUser()
    except NotValid as fault:
        log_refused(str(fault), who.address, claims)
        raise Ended(End.BAD_TOKEN) from None
    except BadToken:
        raise Ended(End.BAD_TOKEN) from None
    except KeysUnavailable:
        raise Ended(End.SERVER_ERROR) from None
    channels = tuple(channel for channel in (*claims.channels, *claims.subs) if _is_for_clients(channel))
    info, expires = claims.conn_info, claims.exp
    return _if_guests_may(
        replace(who, user=user, credential=credential, info=info, channels=channels, expires=expires)
    )


def _if_guests_may(who: Authenticated) -> Authenticated:
    if who.user is not None and who.user.pk is None and not hub_settings().guests:
        raise Ended(End.NO_GUESTS)
    return who


async def by_handshake(who: Authenticated, counted: Counted) -> Authenticated:
    """:func:`by_token` for endpoints whose clients send no token later; the connection counts as the user's.

    Raises:
        Ended: the client may not connect.
    """
    try:
        found = await by_token("", who)
        counted.move_to(written_key(found.user) if found.user is not None else None)
    except TokenExpired:
        raise Ended(End.EXPIRED) from None
    except TooManyConnections:
        raise Ended(End.TOO_MANY) from None
    except DatabaseFault as error:
        raise _unknown(error) from None
    return found


def by_request(request: HttpRequest) -> Visitor:
    """Who sends a request of Django's: by the token in ``Authorization`` or, without one, the session.

    Raises:
        NotValid, BadToken: the token is not valid; the reason is logged, as below.
        TokenExpired: it was a signed token.
        KeysUnavailable: nobody can say just now whether the signed token is valid.
    """
    address = request.META.get("REMOTE_ADDR", "")
    claims: Claims | None = None
    try:
        token = authorization.token_in(request.headers.get("Authorization"))
        if token is None:
            return request.user
        if credential := credentials.presented(token):
            return _valid(credentials.find([credential])[credential], "access token")
        with _logging(address):
            claims = signed_tokens.read(token)
        credential = _credential_in(claims)
        return _valid(_owner_now(claims, credential), _OWNER) if credential else AnonymousUser()
    except NotValid as fault:
        log_refused(str(fault), address, claims)
        raise


async def claims_of(token: str, address: str) -> Claims:
    """What a signed token says. Why it is refused is logged.

    Raises:
        BadToken, TokenExpired, KeysUnavailable: as :func:`hub.access.signed_tokens.aread`.
    """
    with _logging(address):
        return await signed_tokens.aread(token)


async def bring_up_to_date(claims: Claims, address: str) -> None:
    """Store what a token says of its person that a client sends after it has connected; where that is so set.

    Connections of a person whose groups it changes are revalidated.

    Raises:
        NotValid: it says what cannot be stored; the reason is logged.
        django.db.Error: it cannot be stored now.
    """
    try:
        person = token_people.person_in(claims)
    except NotValid as fault:
        log_refused(str(fault), address, claims)
        raise
    if person is not None and not token_people.is_stored(person):
        await token_people.make(person)


@contextmanager
def _logging(address: str) -> Iterator[None]:
    try:
        yield
    except TokenExpired:
        log_refused("signed token: expired", address)
        raise
    except BadToken as fault:
        log_refused(f"signed token: {fault}", address)
        raise
    except KeysUnavailable:
        log_refused("signed token: its key is not known, and HUB_TOKEN_JWKS_URL brings none just now", address)
        raise


def log_refused(reason: str, address: str, claims: Claims | None = None) -> None:
    """Log why a token was refused, and the user that a valid signature names."""
    credentials.log_refusal(reason, address, **({} if claims is None else {"user": claims.sub}))


#: What stands before the reason why the user of a signed token is refused.
_OWNER = "signed token: its user is"


def _credential_in(claims: Claims) -> str:
    """The credential of the user whom a token names; empty for a guest."""
    if claims.channel:
        raise NotValid("signed token: it opens a channel, not a connection")
    return credentials.of_user(claims.sub) if claims.sub else ""


async def _owner_of(claims: Claims, credential: str) -> User | Invalid:
    """The user whom a token names: made or brought up to date by it, where that is so set."""
    person = token_people.person_in(claims)
    if person is None or token_people.is_stored(person):
        found = await credentials.whose(credential)
        if person is None or found is not Invalid.UNKNOWN:
            return found
    return _if_active(await token_people.make(person))


def _owner_now(claims: Claims, credential: str) -> User | Invalid:
    """:func:`_owner_of` in a thread."""
    person = token_people.person_in(claims)
    if person is None or token_people.is_stored(person):
        found = credentials.find([credential])[credential]
        if person is None or found is not Invalid.UNKNOWN:
            return found
    return _if_active(token_people.make_now(person))


def _if_active(user: User) -> User | Invalid:
    return user if user.is_active else Invalid.INACTIVE


def _unknown(error: DatabaseFault) -> Ended:
    """The database, or what the project asks instead, does not say who a client is."""
    kind = f"{type(error).__name__} {type(error.__cause__).__name__}"
    _rare_log.error("user_unknown", kind=kind, **described(error))
    return Ended(End.SERVER_ERROR)


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
