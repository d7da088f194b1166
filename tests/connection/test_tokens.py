"""Signed tokens: what is taken for one, and what is not."""

import base64
import json
import math
import time
from typing import Any

import jwt
import pytest

from hub.access import signed_tokens
from hub.access.signed_tokens import BadToken, TokenExpired

#: The claims of the tests name people by numbers.
pytestmark = pytest.mark.own_user_model

SECRET, OTHER = "a secret that is used by the tests only", "another secret, which only the tests use"


@pytest.fixture(autouse=True)
def secret(settings: Any) -> None:
    settings.HUB_TOKEN_SECRET = [SECRET]


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{body}."


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token of an hour; a claim that is None is left out."""
    said = {"sub": "1", "exp": time.time() + 3600, **claims}
    return jwt.encode({name: value for name, value in said.items() if value is not None}, secret, algorithm=algorithm)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_token_says_who_it_is_for(settings: Any, algorithm: str) -> None:
    settings.HUB_TOKEN_SECRET = [SECRET + OTHER]
    end = int(time.time()) + 60
    claims = signed_tokens.read(signed(SECRET + OTHER, algorithm, sub="7", info={"name": "Ada"}, exp=end))
    assert (claims.sub, claims.conn_info, claims.exp) == ("7", b'{"name":"Ada"}', end)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "malformed"),
        ("a.b.c", "malformed"),
        ("hub_something", "malformed"),
        ("x" * 10_000, "longer than"),
        (unsigned({"sub": "1"}, "none"), "another algorithm"),
        (unsigned({"sub": "1"}, "HS256"), "another secret"),
        (signed(OTHER), "another secret"),
        (signed(sub=1), "got `int` - at `$.sub`"),
        (signed(sub="a.b"), "sub is no id of a user here"),
        (signed(sub="a b"), "sub is no id of a user here"),
        (signed(sub="everyone"), "sub is no id of a user here"),
        (signed(sub="1" * 65), "sub is no id of a user here"),
        (signed(sub="1\n"), "sub is no id of a user here"),
        (signed(exp="soon"), "at `$.exp`"),
        (signed(exp=True), "at `$.exp`"),
        (signed(exp=math.inf), "no number"),
        (signed(exp=math.nan), "no number"),
        (signed(exp=10**400), "beyond all clocks"),
        (signed(nbf=-(10**400)), "beyond all clocks"),
        (signed(iat=10**4000), "beyond all clocks"),
        (signed(exp=1e300), "beyond all clocks"),
        (signed(exp=None), "without exp"),
        (signed(exp=time.time() + 10**9), "HUB_TOKEN_LIFETIME"),
        (signed(exp=time.time() + 3600, iat=time.time() - 90_000), "HUB_TOKEN_LIFETIME"),
        (signed(nbf=2**40), "nbf is in the future"),
        (signed(nbf=-math.inf), "no number"),
        (signed(nbf="now"), "at `$.nbf`"),
        (signed(iat=time.time() + 3600), "iat is in the future"),
        (signed(iat=[]), "at `$.iat`"),
        (signed(channels="everyone"), "at `$.channels`"),
        (signed(info="x" * 2000), "info of more than"),
        (signed(info={"name": "Ada \ud83d"}), "cannot be sent as JSON"),
        (signed(info={"\udc00": 1}), "cannot be sent as JSON"),
        (signed(channels="\ud83d"), "half a character"),
        (signed(override={"\ud83d": 1}), "half a character"),
        ("eyJhbGciOiJIUzI1NiJ9.WzFd.x", "malformed"),
    ],
)
def test_anything_else_is_no_token_and_the_reason_is_known(token: str, why: str) -> None:
    with pytest.raises(BadToken) as refused:
        signed_tokens.read(token)
    assert why in str(refused.value)
    assert not token or token not in str(refused.value)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_clock_of_who_signs_may_be_a_little_ahead(claim: str) -> None:
    claims: dict[str, Any] = {claim: time.time() + 30}
    assert signed_tokens.read(signed(**claims)).sub == "1"


@pytest.mark.parametrize(
    ("setting", "wanted", "claim", "others"),
    [
        ("HUB_TOKEN_ISSUER", "shop", "iss", [None, "", "shop2", "Shop"]),
        ("HUB_TOKEN_AUDIENCE", "hub", "aud", [None, "", "hub2", ["other"], [], 7]),
    ],
)
def test_issuer_and_audience_are_looked_at_where_they_are_set(
    settings: Any, setting: str, wanted: str, claim: str, others: list[Any]
) -> None:
    fitting = signed(**{claim: wanted})
    unfitting = [signed(**{claim: other}) for other in others]
    for token in (fitting, *(token for token, other in zip(unfitting, others, strict=True) if other != 7)):
        assert signed_tokens.read(token).sub == "1"
    setattr(settings, setting, wanted)
    assert signed_tokens.read(fitting).sub == "1"
    assert signed_tokens.read(signed_tokens.connection_token(1)).sub == "1"
    for token in unfitting:
        with pytest.raises(BadToken):
            signed_tokens.read(token)


def test_one_audience_of_several_is_enough(settings: Any) -> None:
    settings.HUB_TOKEN_AUDIENCE = "hub"
    assert signed_tokens.read(signed(aud=["shop", "hub"])).sub == "1"


def test_longest_life_is_a_setting(settings: Any) -> None:
    settings.HUB_TOKEN_LIFETIME = 0
    assert signed_tokens.read(signed(exp=None)).exp is None
    assert signed_tokens.read(signed(exp=2**40)).sub == "1"
    settings.HUB_TOKEN_LIFETIME = 600
    assert signed_tokens.read(signed_tokens.connection_token(1, seconds=600)).sub == "1"
    with pytest.raises(BadToken, match="HUB_TOKEN_LIFETIME"):
        signed_tokens.read(signed(exp=time.time() + 900))
    with pytest.raises(BadToken, match="HUB_TOKEN_LIFETIME"):
        signed_tokens.connection_token(1, seconds=601)


def test_a_token_ends() -> None:
    with pytest.raises(TokenExpired):
        signed_tokens.read(signed_tokens.connection_token(1, seconds=-1))
    assert 590 <= signed_tokens.read(signed_tokens.connection_token(1, seconds=600)).ttl <= 600


def test_a_secret_is_replaced_without_ending_its_tokens(settings: Any) -> None:
    old = signed_tokens.connection_token(1)
    settings.HUB_TOKEN_SECRET = [OTHER, SECRET]
    new = signed_tokens.connection_token(2)
    assert (signed_tokens.read(old).sub, signed_tokens.read(new).sub) == ("1", "2")
    settings.HUB_TOKEN_SECRET = [OTHER]
    assert signed_tokens.read(new).sub == "2"
    with pytest.raises(BadToken):
        signed_tokens.read(old)


def test_without_a_secret_there_are_no_tokens(settings: Any) -> None:
    token = signed_tokens.connection_token(1)
    settings.HUB_TOKEN_SECRET = []
    with pytest.raises(BadToken):
        signed_tokens.read(token)
    with pytest.raises(BadToken):
        signed_tokens.connection_token(1)
