"""Signed tokens: what is taken for one, and what is not."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from msgspec import Raw

from hub.connection import tokens
from hub.connection.tokens import BadToken, TokenExpired

SECRET, OTHER = "a secret that is used by the tests only", "another secret, which only the tests use"


@pytest.fixture(autouse=True)
def secret(settings: Any) -> None:
    settings.HUB_TOKEN_SECRET = [SECRET]


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{body}."


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_token_says_who_it_is_for(settings: Any, algorithm: str) -> None:
    settings.HUB_TOKEN_SECRET = [SECRET + OTHER]
    token = jwt.encode({"sub": "7", "info": {"name": "Ada"}}, SECRET + OTHER, algorithm=algorithm)
    claims = tokens.read(token)
    assert (claims.user_id, claims.conn_info, claims.exp) == (7, Raw(b'{"name":"Ada"}'), None)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "hub_something",
        "x" * 10_000,
        unsigned({"sub": "1"}, "none"),
        unsigned({"sub": "1"}, "HS256"),
        jwt.encode({"sub": "1"}, OTHER),
        jwt.encode({"sub": 1}, SECRET),
        jwt.encode({"sub": "ada"}, SECRET),
        jwt.encode({"sub": "01"}, SECRET),
        jwt.encode({"sub": "-1"}, SECRET),
        jwt.encode({"sub": "1" * 40}, SECRET),
        jwt.encode({"sub": "1\n"}, SECRET),
        jwt.encode({"sub": "1", "exp": "soon"}, SECRET),
        jwt.encode({"sub": "1", "nbf": 2**40}, SECRET),
        jwt.encode({"sub": "1", "channels": "everyone"}, SECRET),
        jwt.encode({"sub": "1", "info": "x" * 2000}, SECRET),
        "eyJhbGciOiJIUzI1NiJ9.WzFd.x",
    ],
)
def test_anything_else_is_no_token(token: str) -> None:
    with pytest.raises(BadToken) as refused:
        tokens.read(token)
    assert str(refused.value) == ""


def test_clock_of_who_signs_may_be_ahead() -> None:
    token = jwt.encode({"sub": "1", "iat": time.time() + 3600}, SECRET)
    assert tokens.read(token).user_id == 1


def test_a_token_ends() -> None:
    with pytest.raises(TokenExpired):
        tokens.read(tokens.connection_token(1, seconds=-1))
    assert 590 <= tokens.read(tokens.connection_token(1, seconds=600)).ttl <= 600


def test_a_secret_is_replaced_without_ending_its_tokens(settings: Any) -> None:
    old = tokens.connection_token(1)
    settings.HUB_TOKEN_SECRET = [OTHER, SECRET]
    new = tokens.connection_token(2)
    assert (tokens.read(old).user_id, tokens.read(new).user_id) == (1, 2)
    settings.HUB_TOKEN_SECRET = [OTHER]
    assert tokens.read(new).user_id == 2
    with pytest.raises(BadToken):
        tokens.read(old)


def test_without_a_secret_there_are_no_tokens(settings: Any) -> None:
    token = tokens.connection_token(1)
    settings.HUB_TOKEN_SECRET = []
    with pytest.raises(BadToken):
        tokens.read(token)
    with pytest.raises(BadToken):
        tokens.connection_token(1)
