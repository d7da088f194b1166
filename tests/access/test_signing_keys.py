"""Which keys the hub takes, what a token may be signed with, and that a token has no say in it."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hub.access import signed_tokens
from hub.access.signed_tokens import BadToken, TokenExpired, reading
from hub.access.signed_tokens.checks import keys_of_signed_tokens_work
from hub.access.signed_tokens.keys import ALL_ALGORITHMS, NotAKey, keys_in, keys_in_set
from tests.access.signing import TYPES, Signer, signer

#: The claims of the tests name people by numbers.
pytestmark = pytest.mark.own_user_model

SECRET = "a secret that is used by the tests only"


@pytest.fixture(params=TYPES)
def each(request: pytest.FixtureRequest, settings: Any) -> Signer:
    """A program with a key of each type, whose public key is in the settings."""
    found = signer(request.param)
    settings.HUB_TOKEN_PUBLIC_KEY = found.pem
    return found


def refusal(token: str) -> str:
    with pytest.raises(BadToken) as refused:
        signed_tokens.read(token)
    return str(refused.value)


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def hmac_with(text: str, **headers: Any) -> str:
    """A token that is signed with ``text`` as a secret, which PyJWT refuses to do with a public key."""
    algorithm = jwt.get_algorithm_by_name("HS256")
    head = {"alg": "HS256", "typ": "JWT", **headers}
    signed = forged(head, {"sub": "1", "exp": time.time() + 600}).rstrip(".")
    signature = algorithm.sign(signed.encode(), text.encode())
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


# --- what is taken --------------------------------------------------------------------------------------------------


def test_token_is_verified_with_a_public_key_of_any_type(each: Signer) -> None:
    assert signed_tokens.read(each.token(sub="7")).sub == "7"
    assert signed_tokens.read(each.token(sub="7", kid="a name that the key does not have")).sub == "7"


def test_key_may_be_a_set_or_have_its_lines_in_one(each: Signer, settings: Any) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = json.dumps({"keys": [each.jwk(kid="now"), each.jwk(use="enc")]})
    assert signed_tokens.read(each.token(kid="now")).sub == "1"
    assert signed_tokens.read(each.token()).sub == "1"
    settings.HUB_TOKEN_PUBLIC_KEY = each.pem.strip().replace("\n", "\\n")
    assert signed_tokens.read(each.token()).sub == "1"


def test_several_keys_and_a_secret_verify_side_by_side(settings: Any) -> None:
    first, second = signer("ES256"), signer("EdDSA")
    settings.HUB_TOKEN_PUBLIC_KEY = first.pem + second.pem
    settings.HUB_TOKEN_SECRET = [SECRET]
    tokens = [first.token(), second.token(), signed_tokens.connection_token(1)]
    assert [signed_tokens.read(token).sub for token in tokens] == ["1", "1", "1"]


def test_key_that_is_taken_out_verifies_no_more_although_the_token_was_good(settings: Any) -> None:
    old, new = signer("ES256"), signer("ES256", "new")
    token = old.token()
    settings.HUB_TOKEN_PUBLIC_KEY = old.pem + new.pem
    assert signed_tokens.read(token).sub == "1"
    settings.HUB_TOKEN_PUBLIC_KEY = new.pem
    assert refusal(token) == "signed with another key"


def test_verified_token_ends_all_the_same(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = signer().pem
    token = signer().token(exp=int(time.time()) + 60)
    assert signed_tokens.read(token).sub == "1"
    late = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: late)
    with pytest.raises(TokenExpired):
        signed_tokens.read(token)


def test_verified_token_is_for_the_audience_that_is_asked_for_now(settings: Any) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = signer().pem
    token = signer().token(aud="shop")
    assert signed_tokens.read(token).sub == "1"
    settings.HUB_TOKEN_AUDIENCE = "hub"
    assert refusal(token) == "another audience than HUB_TOKEN_AUDIENCE"


def test_signature_is_verified_once_for_many_who_bring_the_same_token(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = signer().pem
    verified = []
    decode = jwt.PyJWS.decode_complete

    def counted(self: jwt.PyJWS, *args: Any, **kwargs: Any) -> Any:
        verified.append(args)
        return decode(self, *args, **kwargs)

    monkeypatch.setattr(jwt.PyJWS, "decode_complete", counted)
    token = signer().token(sub="77")
    assert {signed_tokens.read(token).sub for _ in range(20)} == {"77"}
    assert len(verified) == 1


# --- what is not ----------------------------------------------------------------------------------------------------


def test_public_key_is_no_secret(each: Signer) -> None:
    for text in (each.pem, each.pem.strip(), json.dumps(each.jwk())):
        assert refusal(hmac_with(text)) == "signed with another algorithm than that of the key"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", "HS257", "RS1", "dir"])
def test_token_without_a_signature_is_none(each: Signer, algorithm: str) -> None:
    claims = {"sub": "1", "exp": time.time() + 600}
    assert "another algorithm" in refusal(forged({"alg": algorithm}, claims))
    assert "another algorithm" in refusal(forged({"alg": algorithm}, claims, b"signed"))


@pytest.mark.parametrize("algorithm", [*TYPES, "PS256", "RS512"])
def test_algorithm_is_that_of_the_key_whatever_the_token_says(each: Signer, algorithm: str) -> None:
    if algorithm == each.algorithm or (each.algorithm == "RS256" and algorithm in {"PS256", "RS512"}):
        return  # what the key may verify
    _, body, signature = each.token().split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode().rstrip("=")
    assert "another algorithm" in refusal(f"{head}.{body}.{signature}")


def test_set_of_keys_binds_a_key_to_the_algorithm_that_it_names(settings: Any) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = json.dumps({"keys": [signer("RS256").jwk(alg="RS256")]})
    assert signed_tokens.read(signer("RS256").token()).sub == "1"
    assert "another algorithm" in refusal(signer("RS256").token(algorithm="RS512"))


def test_secret_verifies_no_token_that_says_it_has_a_public_key(settings: Any) -> None:
    settings.HUB_TOKEN_SECRET = [SECRET]
    assert "another algorithm" in refusal(signer("RS256").token())


@pytest.mark.parametrize(
    "kid", ["../../../../etc/passwd", "/dev/null", "' OR 1=1 --", "http://127.0.0.1/jwks", "\0", "x" * 3000]
)
def test_name_of_a_key_is_nothing_but_a_name(settings: Any, kid: str) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = json.dumps({"keys": [signer().jwk(kid="now")]})
    assert refusal(signer().token(kid=kid)) == "signed with another key"
    assert refusal(hmac_with("", kid=kid)) == "signed with another algorithm than that of the key"


def test_token_brings_no_key_and_no_address_of_one(settings: Any) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = signer().pem
    stranger = signer("ES256", "stranger")
    brought: dict[str, Any] = {
        "jwk": stranger.jwk(),
        "jku": "http://127.0.0.1:9/jwks.json",
        "x5u": "http://127.0.0.1:9/certificate.pem",
        "x5c": ["MIIB"],
    }
    for name, value in brought.items():
        assert refusal(stranger.token(headers={name: value})) == "signed with another key"
        # In a token of ours they are not looked at.
        assert signed_tokens.read(signer().token(headers={name: value})).sub == "1"


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"kid": 7}])
def test_header_that_changes_what_a_token_means_is_refused(settings: Any, header: dict[str, Any]) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = signer().pem
    head = {"alg": "ES256", **header}
    assert refusal(forged(head, {"sub": "1", "exp": time.time() + 600}, b"x" * 64)) == "malformed"


def test_claim_that_stands_there_twice_is_refused(settings: Any) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = signer("EdDSA").pem
    head = base64.urlsafe_b64encode(b'{"alg":"EdDSA"}').decode().rstrip("=")
    body = f'{{"sub":"1","exp":{int(time.time()) + 600},"sub":"2"}}'
    signed = f"{head}.{base64.urlsafe_b64encode(body.encode()).decode().rstrip('=')}"
    signature = base64.urlsafe_b64encode(signer("EdDSA").private.sign(signed.encode())).decode().rstrip("=")
    assert refusal(f"{signed}.{signature}") == "claims: one stands there twice"


def test_huge_tokens_are_not_looked_at_and_nested_ones_do_no_harm(settings: Any) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = signer("EdDSA").pem
    huge = signer("EdDSA").token(claim="x" * 100_000)
    began = time.thread_time()
    for _ in range(1000):
        assert "longer than" in refusal(huge)
    assert time.thread_time() - began < 1
    nested: Any = "deep"
    for _ in range(500):
        nested = [nested]
    assert signed_tokens.read(signer("EdDSA").token(claim=nested)).sub == "1"
    assert "info" in refusal(signer("EdDSA").token(info="x" * 2000))


# --- what cannot be a key -------------------------------------------------------------------------------------------


def certificate() -> str:
    return "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----"


NOT_KEYS = [
    ("secret", "is neither a public key in PEM"),
    ("ssh-rsa AAAAB3NzaC1yc2E ada@example", "is neither a public key in PEM"),
    ("/run/secrets/key.pem", "is neither a public key in PEM"),
    ("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----", "cannot be read: it may have been cut"),
    (signer().pem[:80], "is neither a public key in PEM"),
    (signer().pem + "and more", "is neither a public key in PEM"),
    (signer().private_pem, "holds a private key"),
    (certificate(), "holds a certificate"),
    (Signer(rsa.generate_private_key(65537, 1024), "RS256").pem, "has an RSA key of 1024 bits"),  # noqa: S505  # that is what is refused
    (Signer(ec.generate_private_key(ec.SECP256K1()), "ES256K").pem, "has a key of another type"),
    ('{"key": []}', "is no JWKS"),
    ('{"keys": {}}', "is no JWKS"),
    ('{"keys": []}', "has no key that the hub can use"),
    ('{"keys": [7]}', "has a key that is no JWK"),
    ('{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}', "has a"),
    ('{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "has a private or secret key"),
    (json.dumps({"keys": [{**signer().jwk(), "d": "AAAA"}]}), "has a private or secret key"),
    (json.dumps({"keys": [signer().jwk(use="enc")]}), "has no key that the hub can use"),
    (json.dumps({"keys": [signer().jwk(alg="HS256")]}), "whose alg is not one that it can verify"),
    (json.dumps({"keys": [signer().jwk()] * 101}), "has more than 100 keys"),
    (json.dumps({"keys": [signer().jwk(crv="P-999")]}), "has a key that cannot be read"),
    (json.dumps({"keys": [signer().jwk(x="AA")]}), "has a key that cannot be read"),
    (json.dumps({"keys": [{"kty": "AKP", "kid": "1"}]}), "of a type that the hub does not know"),
]


@pytest.mark.parametrize(("text", "sentence"), NOT_KEYS, ids=[sentence for _, sentence in NOT_KEYS])
def test_what_is_no_public_key_is_said_in_a_sentence_without_the_key(text: str, sentence: str, settings: Any) -> None:
    with pytest.raises(NotAKey) as fault:
        keys_in(text)
    assert sentence in str(fault.value)
    settings.HUB_TOKEN_PUBLIC_KEY = text
    (message,) = keys_of_signed_tokens_work(None)
    assert message.id == "hub.E051"
    assert sentence in message.msg and text not in message.msg
    assert sentence in refusal(signer().token())


def test_set_of_a_provider_may_have_keys_that_are_of_no_use() -> None:
    odd: list[Any] = [7, None, {"kty": "oct", "k": "c2VjcmV0"}, signer().jwk(use="enc"), {"kty": "RSA", "n": "!"}]
    (found,) = keys_in_set(json.dumps({"keys": [*odd, signer().jwk(kid="now")]}).encode())
    assert (found.kid, found.algorithms) == ("now", ("ES256",))


def test_check_warns_of_tokens_that_are_meant_for_others(settings: Any) -> None:
    assert keys_of_signed_tokens_work(None) == []
    settings.HUB_TOKEN_JWKS_URL = "https://login.example.com/jwks.json"
    assert [message.id for message in keys_of_signed_tokens_work(None)] == ["hub.W050"]
    settings.HUB_TOKEN_AUDIENCE = "hub"
    assert keys_of_signed_tokens_work(None) == []
    settings.HUB_TOKEN_JWKS_URL = ""
    assert [message.id for message in keys_of_signed_tokens_work(None)] == ["hub.W051"]
    settings.HUB_TOKEN_SECRET = [signer().pem]
    assert [message.id for message in keys_of_signed_tokens_work(None)] == ["hub.E050"]


def test_token_that_does_not_name_its_key_is_tried_with_few_keys(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    signers = [signer("ES256", f"number {number}") for number in range(reading.TRIES + 5)]
    keys = [one.jwk(kid=str(number)) for number, one in enumerate(signers)]
    settings.HUB_TOKEN_PUBLIC_KEY = json.dumps({"keys": [*keys, signer("ES256", "unnamed").jwk()]})
    tried: list[Any] = []

    class Counting(jwt.PyJWS):
        def decode_complete(self, jwt: Any, key: Any = "", *given: Any, **options: Any) -> Any:
            tried.append(key)
            return super().decode_complete(jwt, key, *given, **options)

    monkeypatch.setattr(reading, "_jws", Counting(algorithms=ALL_ALGORITHMS))
    assert "kid does not say which" in refusal(signer("ES256", "stranger").token())
    assert len(tried) == reading.TRIES
    # One that names its key needs no luck, and nor does one of a key without a name.
    tried.clear()
    assert signed_tokens.read(signers[-1].token(kid=str(len(signers) - 1))).sub == "1"
    assert signed_tokens.read(signer("ES256", "unnamed").token()).sub == "1"
    assert len(tried) == 2
