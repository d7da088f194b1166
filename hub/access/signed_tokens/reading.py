"""Verifies signed tokens."""

import base64
import time
from collections.abc import Iterable

import jwt
import msgspec

from hub.access.signed_tokens import key_refresh
from hub.access.signed_tokens.claims import BadToken, Claims, KeysUnavailable, check_times, claims_in
from hub.access.signed_tokens.key_url import keys_at
from hub.access.signed_tokens.keys import ALL_ALGORITHMS, SECRET_ALGORITHMS, NotAKey, SigningKey, configured
from hub.access.signed_tokens.verified import VerifiedTokens
from hub.config import hub_settings

#: Characters of a token; a longer one is not looked at.
LONGEST = 8 * 1024

#: Keys that a token is tried with. One that names its key is tried with that; strangers may send tokens that do not.
TRIES = 10

_jws = jwt.PyJWS(algorithms=ALL_ALGORITHMS)
_verified = VerifiedTokens()


class _UnknownKey(BadToken):
    """No key that is known may verify the token, and ``HUB_TOKEN_JWKS_URL`` may have a new one."""


class _Header(msgspec.Struct):
    """What a token says about its signature. Addresses of keys (``jku``, ``x5u``) and keys (``jwk``) are not read."""

    alg: str = ""
    kid: str = ""


def read(token: str) -> Claims:
    """What ``token`` says, once it has been verified. Not for the event loop: it may fetch keys.

    Raises:
        BadToken: it is none, or not signed with one of our keys, or not for this hub, or lives too long, or says
            something that makes no sense.
        TokenExpired: it is one, and is over.
        KeysUnavailable: its key is not known, and the URL of the keys does not answer, or was asked a moment ago.
    """
    came = time.monotonic()
    try:
        return _read(token)
    except _UnknownKey:
        keys_at(hub_settings().token_jwks_url).fetch()
    return _read_again(token, came)


async def aread(token: str) -> Claims:
    """:func:`read` for the event loop, which goes on while keys are fetched."""
    came = time.monotonic()
    try:
        return _read(token)
    except _UnknownKey:
        await key_refresh.current().refresh_now()
    return _read_again(token, came)


def _read_again(token: str, came: float) -> Claims:
    try:
        return _read(token)
    except _UnknownKey:
        if keys_at(hub_settings().token_jwks_url).known_at < came:
            raise KeysUnavailable from None
        raise


def _read(token: str) -> Claims:
    if len(token) > LONGEST:
        raise BadToken(f"longer than {LONGEST} characters")
    settings = hub_settings()
    try:
        keys = configured(settings)
    except NotAKey as fault:
        raise BadToken(f"HUB_TOKEN_PUBLIC_KEY {fault}") from None
    if settings.token_jwks_url:
        keys += keys_at(settings.token_jwks_url).keys
    elif not keys:
        raise BadToken("neither HUB_TOKEN_SECRET nor HUB_TOKEN_PUBLIC_KEY nor HUB_TOKEN_JWKS_URL is set")
    claims = _verified.find(token, keys, settings)
    if claims is None:
        key, payload = _verify(token, keys)
        claims = claims_in(payload)
        _verified.add(token, key, claims)
    check_times(claims)
    return claims


def _verify(token: str, keys: Iterable[SigningKey]) -> tuple[SigningKey, bytes]:
    """The key that has signed the token, and what it says."""
    said = _header_of(token)
    if said.alg not in ALL_ALGORITHMS:
        raise BadToken("signed with another algorithm than the hub takes, or not at all")
    fitting = [key for key in keys if said.alg in key.algorithms]
    possible = [key for key in fitting if not (said.kid and key.kid) or said.kid == key.kid]
    # First those that are named as the token says: by its name, or not at all.
    for key in sorted(possible, key=lambda key: bool(key.kid) != bool(said.kid))[:TRIES]:
        try:
            return key, _jws.decode_complete(token, key.material, algorithms=key.algorithms)["payload"]
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise BadToken("malformed") from None
    is_of_secret = said.alg in SECRET_ALGORITHMS
    if hub_settings().token_jwks_url and not is_of_secret and said.kid not in {key.kid for key in fitting if key.kid}:
        raise _UnknownKey("signed with a key that is not known")
    if not fitting:
        raise BadToken("signed with another algorithm than that of the key")
    if len(possible) > TRIES:
        raise BadToken(f"signed with none of the first {TRIES} keys, and kid does not say which it is")
    raise BadToken("signed with another secret" if is_of_secret else "signed with another key")


def _header_of(token: str) -> _Header:
    """What the token says about its signature. PyJWT reads it again, and holds it to the algorithms of the key."""
    head, _, rest = token.partition(".")
    if not rest:
        raise BadToken("malformed")
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)), type=_Header)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        raise BadToken("malformed") from None
