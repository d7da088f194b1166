"""Makes signed tokens with the first secret of ``HUB_TOKEN_SECRET``: for code in the hub, and for tests."""

import time
from collections.abc import Mapping
from typing import Any

import jwt

from hub.access.signed_tokens.claims import BadToken
from hub.access.signed_tokens.keys import SECRET_ALGORITHMS
from hub.config import hub_settings


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
    return jwt.encode(said, settings.token_secret[0], algorithm=SECRET_ALGORITHMS[0])


def connection_token(user_id: object, *, seconds: float = 600, info: Any = None) -> str:
    """A token with which a client connects as the user with this id; with None as a guest."""
    claims = {"sub": "" if user_id is None else str(user_id)}
    return sign(claims if info is None else {**claims, "info": info}, seconds=seconds)


def subscription_token(user_id: object, channel: str, *, seconds: float = 600) -> str:
    """A token with which that user subscribes to ``channel``, whatever its rule says."""
    return sign({"sub": "" if user_id is None else str(user_id), "channel": channel}, seconds=seconds)
