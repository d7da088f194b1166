"""Signed tokens (JWT) for client connections: who connects, and who may subscribe.

A service that shares ``HUB_TOKEN_SECRET`` signs them with HMAC; nothing about them is stored. The hub takes no other
algorithm, whatever a token says of itself. The setting is a list: each secret in it verifies, the first one signs, so
that a secret is replaced by putting the new one in front and dropping the old one when its tokens have expired.

Nothing takes a signed token back before its end, so its life is bounded (``HUB_TOKEN_LIFETIME``). Where several
programs share the secret, ``HUB_TOKEN_ISSUER`` and ``HUB_TOKEN_AUDIENCE`` keep the tokens that are for others out.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import jwt
import msgspec
from msgspec import Meta

from hub.config import hub_settings
from hub.users import ID_PATTERN, value_of_id
from hub.validation.numbers import LARGEST

#: What a token may be signed with.
ALGORITHMS = ("HS256", "HS384", "HS512")

#: Seconds by which the clock of who signs may be ahead of ours.
CLOCK_SLACK = 60

#: Characters of a token; a longer one is not looked at.
LONGEST = 8 * 1024

#: Characters of the reason that is logged.
REASON_LIMIT = 200

#: Bytes of ``info``, which presence keeps for each connection.
INFO_LIMIT = 1024


class BadToken(ValueError):
    """The text is no token of this hub.

    What it says is why, for the log: nothing of the token's own text is in it. Whoever sent the token is not told.
    """


class TokenExpired(ValueError):
    """The token was good, and its time is over."""


class Flag(msgspec.Struct, frozen=True):
    """An option that a token sets."""

    value: bool = False


class Override(msgspec.Struct, frozen=True):
    """Options of the namespace that a subscription token sets for its subscription."""

    force_push_join_leave: Flag = Flag()


class Claims(msgspec.Struct, kw_only=True):
    """What a token says.

    Args:
        sub: what the user is called outside (:func:`hub.users.user_id`); empty for a guest.
        exp: when the token ends, in seconds since 1970; None where it does not.
        nbf, iat: since when it is valid, and when it was signed, in seconds since 1970.
        info: JSON that others are told of this connection.
        channel: of a subscription token: the channel that it opens.
        channels: of a connection token: channels that the hub subscribes the client to.
        subs: the same, by channel; what stands there is ignored.
        override: of a subscription token: options for this subscription.
    """

    sub: Annotated[str, Meta(pattern=rf"\A(?:{ID_PATTERN})?\Z")] = ""
    exp: int | float | None = None
    nbf: int | float | None = None
    iat: int | float | None = None
    info: Any = None
    channel: Annotated[str, Meta(max_length=97)] = ""
    channels: Annotated[list[str], Meta(max_length=128)] = []
    subs: Annotated[dict[str, Any], Meta(max_length=128)] = {}
    override: Override = Override()

    @property
    def conn_info(self) -> bytes:
        """``info`` as JSON text; empty for none."""
        return b"" if self.info is None else msgspec.json.encode(self.info)

    @property
    def ttl(self) -> int:
        """Seconds until the token ends, at least one; 0 where it does not end."""
        return 0 if self.exp is None else max(1, int(self.exp - time.time()))


#: What is said of each fault that PyJWT finds; of all others, that the token is malformed.
_FAULTS: dict[type[jwt.InvalidTokenError], str] = {
    jwt.InvalidAlgorithmError: "signed with another algorithm than HS256, HS384 and HS512",
    jwt.InvalidIssuerError: "another issuer than HUB_TOKEN_ISSUER",
    jwt.InvalidAudienceError: "another audience than HUB_TOKEN_AUDIENCE",
}


def read(token: str) -> Claims:
    """What ``token`` says, once it has been verified.

    Raises:
        BadToken: it is none, or not signed with one of our secrets, or not for this hub, or lives too long, or says
            something that makes no sense.
        TokenExpired: it is one, and is over.
    """
    if len(token) > LONGEST:
        raise BadToken(f"longer than {LONGEST} characters")
    if not hub_settings().token_secret:
        raise BadToken("HUB_TOKEN_SECRET is not set")
    for secret in hub_settings().token_secret:
        try:
            return _verified(token, secret)
        except jwt.InvalidSignatureError:
            continue
    raise BadToken("signed with another secret")


def _verified(token: str, secret: str) -> Claims:
    settings = hub_settings()
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=list(ALGORITHMS),
            issuer=settings.token_issuer or None,
            audience=settings.token_audience or None,
            # The types of all claims are checked with those of our own, and the times by `_check_times`.
            options={
                "verify_aud": bool(settings.token_audience),
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
        found = msgspec.convert(claims, Claims)
    except jwt.InvalidSignatureError:
        raise
    except jwt.MissingRequiredClaimError as error:
        raise BadToken(f"without {error.claim}") from None
    except jwt.InvalidTokenError as error:
        raise BadToken(_FAULTS.get(type(error), "malformed")) from None
    except (msgspec.ValidationError, RecursionError) as error:
        # Names the claim and the types, not the value.
        raise BadToken(f"claims: {error}"[:REASON_LIMIT]) from None
    if found.sub and value_of_id(found.sub) is None:
        raise BadToken("claims: no id of a user - at `$.sub`")
    if _size_of(found) > INFO_LIMIT:
        raise BadToken(f"info of more than {INFO_LIMIT} bytes")
    _check_times(found)
    return found


def _size_of(claims: Claims) -> int:
    """Bytes of ``info`` as others are told of it."""
    try:
        return len(claims.conn_info)
    except (UnicodeError, RecursionError):
        # What people call themselves may end in half a character, which Python's JSON reads and none can write.
        raise BadToken("info that cannot be sent as JSON") from None


def _check_times(claims: Claims) -> None:
    now, longest = time.time(), hub_settings().token_lifetime
    # Compared, not converted: a whole number of 400 digits is no float. Of NaN no comparison is true.
    if not all(abs(moment) <= LARGEST for moment in (claims.exp, claims.nbf, claims.iat) if moment is not None):
        raise BadToken("a time that is no number, or beyond all clocks")
    if claims.exp is not None and claims.exp <= now:
        raise TokenExpired
    for name, moment in (("nbf", claims.nbf), ("iat", claims.iat)):
        if moment is not None and moment > now + CLOCK_SLACK:
            raise BadToken(f"not valid yet: {name} is in the future")
    if longest and claims.exp is None:
        raise BadToken("without exp, which HUB_TOKEN_LIFETIME asks for")
    # A token says itself when it was signed. One that does not has lived for a while, and so says too little.
    begun = now if claims.iat is None else min(claims.iat, now)
    if longest and claims.exp is not None and claims.exp - begun > longest + CLOCK_SLACK:
        raise BadToken("valid for longer than HUB_TOKEN_LIFETIME")


def sign(claims: Mapping[str, Any], *, seconds: float) -> str:
    """A token that says ``claims`` for ``seconds``, signed with the first secret.

    Names the issuer and the audience that this hub asks for.

    Raises:
        BadToken: ``HUB_TOKEN_SECRET`` is not set, or the hub would refuse a token that is valid for so long.
    """
    settings = hub_settings()
    if not settings.token_secret:
        raise BadToken("HUB_TOKEN_SECRET is not set")
    if 0 < settings.token_lifetime < seconds:
        raise BadToken("valid for longer than HUB_TOKEN_LIFETIME")
    now = time.time()
    named = {"iss": settings.token_issuer, "aud": settings.token_audience}
    times = {"iat": int(now), "exp": int(now + seconds)}
    said = {**{name: value for name, value in named.items() if value}, **claims, **times}
    return jwt.encode(said, settings.token_secret[0], algorithm=ALGORITHMS[0])


def connection_token(user_id: object, *, seconds: float = 600, info: Any = None) -> str:
    """A token with which a client connects as the user with this id; with None as a guest."""
    claims = {"sub": "" if user_id is None else str(user_id)}
    return sign(claims if info is None else {**claims, "info": info}, seconds=seconds)


def subscription_token(user_id: object, channel: str, *, seconds: float = 600) -> str:
    """A token with which that user subscribes to ``channel``, whatever its rule says."""
    return sign({"sub": "" if user_id is None else str(user_id), "channel": channel}, seconds=seconds)
