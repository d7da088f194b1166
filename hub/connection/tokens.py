"""Signed tokens (JWT) for the hub socket: who connects, and who may subscribe.

A service that shares ``HUB_TOKEN_SECRET`` signs them with HMAC; nothing about them is stored. The hub takes no other
algorithm, whatever a token says of itself. The setting is a list: each secret in it verifies, the first one signs, so
that a secret is replaced by putting the new one in front and dropping the old one when its tokens have expired.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import jwt
import msgspec
from msgspec import UNSET, Meta, Raw

from hub.conf import hub_settings
from hub.connection.messages import Json

#: What a token may be signed with.
ALGORITHMS = ("HS256", "HS384", "HS512")

#: Who a token is for is not said by all who sign. When it was signed says nothing: another host's clock may be ahead.
OPTIONS: Any = {"verify_aud": False, "verify_iat": False}

#: Characters of a token; a longer one is not looked at.
LONGEST = 8 * 1024

#: Bytes of ``info``, which presence keeps for each connection.
INFO_LIMIT = 1024


class BadToken(ValueError):
    """The text is no token of this hub. Says nothing more: not to whoever made it up."""


class TokenExpired(ValueError):
    """The token was good, and its time is over."""


class Claims(msgspec.Struct, kw_only=True):
    """What a token says.

    Args:
        sub: the id of the user, in digits; empty for a guest.
        exp: when the token ends, in seconds since 1970; None where it does not.
        info: JSON that others are told of this connection.
        channel: of a subscription token: the channel that it opens.
        channels: of a connection token: channels that the hub subscribes the client to.
        subs: the same, by channel; what stands there is ignored.
    """

    sub: Annotated[str, Meta(pattern=r"\A(?:[1-9][0-9]{0,17})?\Z")] = ""
    exp: int | float | None = None
    info: Any = None
    channel: Annotated[str, Meta(max_length=97)] = ""
    channels: Annotated[list[str], Meta(max_length=128)] = []
    subs: Annotated[dict[str, Any], Meta(max_length=128)] = {}

    @property
    def user_id(self) -> int | None:
        """The user's id; None for a guest."""
        return int(self.sub) if self.sub else None

    @property
    def conn_info(self) -> Json:
        """``info`` as JSON text."""
        return UNSET if self.info is None else Raw(msgspec.json.encode(self.info))

    @property
    def ttl(self) -> int:
        """Seconds until the token ends, at least one; 0 where it does not end."""
        return 0 if self.exp is None else max(1, int(self.exp - time.time()))


def read(token: str) -> Claims:
    """What ``token`` says, once it has been verified.

    Raises:
        BadToken: it is none, or not signed with one of our secrets, or says something that makes no sense.
        TokenExpired: it is one, and is over.
    """
    if len(token) > LONGEST:
        raise BadToken
    for secret in hub_settings().token_secret:
        try:
            claims = jwt.decode(token, secret, algorithms=list(ALGORITHMS), options=OPTIONS)
            found = msgspec.convert(claims, Claims)
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except jwt.InvalidSignatureError:
            continue
        except (jwt.InvalidTokenError, msgspec.ValidationError, RecursionError):
            raise BadToken from None
        if len(found.conn_info or b"") > INFO_LIMIT:
            raise BadToken
        return found
    raise BadToken


def sign(claims: Mapping[str, Any], *, seconds: float) -> str:
    """A token that says ``claims`` for ``seconds``, signed with the first secret.

    Raises:
        BadToken: ``HUB_TOKEN_SECRET`` is not set.
    """
    if not (secrets := hub_settings().token_secret):
        raise BadToken("HUB_TOKEN_SECRET is not set.")
    return jwt.encode({**claims, "exp": int(time.time() + seconds)}, secrets[0], algorithm=ALGORITHMS[0])


def connection_token(user_id: int | None, *, seconds: float = 600, info: Any = None) -> str:
    """A token with which a client connects as the user with this id, or with None as a guest."""
    claims = {"sub": "" if user_id is None else str(user_id)}
    return sign(claims if info is None else {**claims, "info": info}, seconds=seconds)


def subscription_token(user_id: int | None, channel: str, *, seconds: float = 600) -> str:
    """A token with which that user subscribes to ``channel``, whatever its rule says."""
    return sign({"sub": "" if user_id is None else str(user_id), "channel": channel}, seconds=seconds)
