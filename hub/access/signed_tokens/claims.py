"""What a signed token says, and whether it makes sense: types, times, issuer and audience."""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from hub.config import hub_settings
from hub.users import value_of_id
from hub.validation.numbers import LARGEST

#: Characters of the reason that is logged.
REASON_LIMIT = 200

#: Bytes of ``info``, which presence keeps for each connection.
INFO_LIMIT = 1024


class BadToken(ValueError):
    """The text is no token of this hub, and never will be.

    What it says is why, for the log: nothing of the token's own text is in it. Whoever sent the token is not told.
    """


class TokenExpired(ValueError):
    """The token was good, and its time is over: the client gets a new one."""


class KeysUnavailable(Exception):
    """Nobody knows whether the token is good: its key is not known, and could not be fetched just now."""


class Flag(msgspec.Struct, frozen=True):
    """An option that a token sets."""

    value: bool = False


class Override(msgspec.Struct, frozen=True):
    """Options of the namespace that a subscription token sets for its subscription."""

    force_push_join_leave: Flag = Flag()


class Claims(msgspec.Struct, kw_only=True, frozen=True):
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
        name, email, language, zone, groups: of the person; see :mod:`hub.access.token_people`, which checks them.
    """

    sub: str = ""
    exp: int | float | None = None
    nbf: int | float | None = None
    iat: int | float | None = None
    info: Any = None
    channel: Annotated[str, Meta(max_length=97)] = ""
    channels: Annotated[list[str], Meta(max_length=128)] = []
    subs: Annotated[dict[str, Any], Meta(max_length=128)] = {}
    override: Override = Override()
    name: Any = UNSET
    email: Any = UNSET
    language: Any = UNSET
    zone: Any = UNSET
    groups: Any = UNSET

    @property
    def conn_info(self) -> bytes:
        """``info`` as JSON text; empty for none."""
        return b"" if self.info is None else msgspec.json.encode(self.info)

    @property
    def ttl(self) -> int:
        """Seconds until the token ends, at least one; 0 where it does not end."""
        return 0 if self.exp is None else max(1, int(self.exp - time.time()))


def claims_in(payload: bytes) -> Claims:
    """What the verified ``payload`` of a token says. Its times are for :func:`check_times`.

    Raises:
        BadToken: that makes no sense, or is not for this hub.
    """
    said = _object_in(payload)
    _check_named(said)
    try:
        found = msgspec.convert(said, Claims)
    except (msgspec.ValidationError, RecursionError) as error:
        # Names the claim and the types, not the value.
        raise BadToken(f"claims: {error}"[:REASON_LIMIT]) from None
    except UnicodeError:
        raise BadToken("claims: half a character, which Python's JSON reads and none can write") from None
    if found.sub and value_of_id(found.sub) is None:
        raise BadToken("claims: sub is no id of a user here; ids have at most 64 letters of A to Z, digits, _ and -")
    if _size_of(found) > INFO_LIMIT:
        raise BadToken(f"info of more than {INFO_LIMIT} bytes")
    return found


def check_times(claims: Claims) -> None:
    """Check when the token is valid, and for how long: each time it is used, also where it was verified before.

    Raises:
        BadToken: it is not valid yet, or for longer than ``HUB_TOKEN_LIFETIME``.
        TokenExpired: it is over.
    """
    settings, now = hub_settings(), time.time()
    longest, leeway = settings.token_lifetime, settings.token_leeway
    # Compared, not converted: a whole number of 400 digits is no float. Of NaN no comparison is true.
    if not all(abs(moment) <= LARGEST for moment in (claims.exp, claims.nbf, claims.iat) if moment is not None):
        raise BadToken("a time that is no number, or beyond all clocks")
    if claims.exp is not None and claims.exp <= now:
        raise TokenExpired
    for name, moment in (("nbf", claims.nbf), ("iat", claims.iat)):
        if moment is not None and moment > now + leeway:
            raise BadToken(f"not valid yet: {name} is in the future")
    if longest and claims.exp is None:
        raise BadToken("without exp, which HUB_TOKEN_LIFETIME asks for")
    # A token says itself when it was signed. One that does not has lived for a while, and so says too little.
    begun = now if claims.iat is None else min(claims.iat, now)
    if longest and claims.exp is not None and claims.exp - begun > longest + leeway:
        raise BadToken("valid for longer than HUB_TOKEN_LIFETIME")


class _Repeated(ValueError):
    """A claim stands in the token twice."""


def _object_in(payload: bytes) -> dict[str, Any]:
    try:
        said = json.loads(payload, object_pairs_hook=_without_repeats)
    except _Repeated:
        # Whoever signed it may have meant the one, and others may read the other.
        raise BadToken("claims: one stands there twice") from None
    except (ValueError, RecursionError):
        raise BadToken("malformed") from None
    if not isinstance(said, dict):
        raise BadToken("malformed")
    return said


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Repeated
    return found


def _check_named(said: Mapping[str, Any]) -> None:
    """Check that the token comes from whom, and is for whom, the settings name."""
    settings = hub_settings()
    if settings.token_issuer:
        if "iss" not in said:
            raise BadToken("without iss")
        if said["iss"] != settings.token_issuer:
            raise BadToken("another issuer than HUB_TOKEN_ISSUER")
    if settings.token_audience:
        if "aud" not in said:
            raise BadToken("without aud")
        audience = said["aud"] if isinstance(said["aud"], list) else [said["aud"]]
        if settings.token_audience not in audience:
            raise BadToken("another audience than HUB_TOKEN_AUDIENCE")


def _size_of(claims: Claims) -> int:
    """Bytes of ``info`` as others are told of it."""
    try:
        return len(claims.conn_info)
    except (UnicodeError, RecursionError):
        # What people call themselves may end in half a character.
        raise BadToken("info that cannot be sent as JSON") from None
