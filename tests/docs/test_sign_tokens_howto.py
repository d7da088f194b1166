"""``docs/howto/sign-tokens.md``: its helpers sign tokens that the hub takes, and its mistakes are told as it says."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from django.test import RequestFactory
from jwt.utils import base64url_decode, base64url_encode

from hub.access import authentication, signed_tokens
from hub.access.authorization import NotValid
from hub.access.signed_tokens import ALGORITHMS, BadToken, checks
from hub.access.signed_tokens.checks import keys_of_signed_tokens_work
from hub.access.signed_tokens.claims import INFO_LIMIT
from hub.access.signed_tokens.key_url import PAUSE
from hub.access.signed_tokens.keys import CURVES, RSA_BITS
from hub.access.token_people import person_in
from hub.config import faults, hub_settings
from hub.users import display_name, user_id
from tests.access.signing import Signer, signer
from tests.connection.node import needs_node
from tests.docs.documents import block, blocks, prose, table

HOW_TO = "docs/howto/sign-tokens.md"

pytestmark = pytest.mark.own_user_model

SECRET = "a secret that only this test and its hub know"


@pytest.fixture(params=["secret", "private key"])
def key(request: pytest.FixtureRequest, settings: Any) -> tuple[str, str]:
    """How the blocks of this kind of key go on, and what the program signs with; the hub has the other half."""
    if request.param == "secret":
        settings.HUB_TOKEN_SECRET = [SECRET]
        return "", SECRET
    settings.HUB_TOKEN_PUBLIC_KEY = signer("EdDSA").pem
    return ", with a private key", signer("EdDSA").private_pem


def test_helper_in_python_signs_what_the_hub_takes(key: tuple[str, str]) -> None:
    kind, material = key
    names: dict[str, Any] = {}
    exec(block(HOW_TO, f"Python{kind or ', with PyJWT'}"), names)  # noqa: S102  # the reader runs it too
    claims = signed_tokens.read(names["hub_token"](42, material, seconds=300, info={"name": "Ada"}))
    assert (claims.sub, claims.conn_info) == ("42", b'{"name":"Ada"}')
    assert 290 <= claims.ttl <= 300


#: What has the programs of other languages, on Debian and Ubuntu.
PACKAGES = {"php": "php-cli", "go": "golang-go"}


def needs(program: str) -> pytest.MarkDecorator:
    """Skips the test where the machine has no such program."""
    how = f"`apt install {PACKAGES[program]}`, then `pytest tests/docs/test_sign_tokens_howto.py -k {program}`"
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"there is no {program} here: {how}")


def printed_by(*command: str | Path) -> str:
    """What the program prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
    return done.stdout.strip()


@pytest.mark.slow
@needs_node
def test_helper_in_node_signs_what_the_hub_takes(key: tuple[str, str], tmp_path: Path) -> None:
    kind, material = key
    (tmp_path / "token.mjs").write_text(
        block(HOW_TO, f"Node.js{kind}", "js")
        + "\nconsole.log(hubToken(42, process.argv[2], 300, { info: { name: 'Ada' } }));\n"
    )
    claims = signed_tokens.read(printed_by("node", tmp_path / "token.mjs", material))
    assert (claims.sub, claims.conn_info) == ("42", b'{"name":"Ada"}')
    assert 290 <= claims.ttl <= 300


@pytest.mark.slow
@needs_node
def test_last_line_for_an_ec_key_signs_what_the_hub_takes(settings: Any, tmp_path: Path) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY = signer("ES256").pem
    helper = block(HOW_TO, "Node.js, with a private key", "js").replace('"EdDSA"', '"ES256"')
    before, _, after = helper.rpartition("  return `")
    lines = block(HOW_TO, "Node.js, the last line with an EC key", "js")
    program = tmp_path / "token.mjs"
    program.write_text(f"{before}{lines}{after.partition(chr(10))[2]}\nconsole.log(hubToken(42, process.argv[2]));\n")
    assert signed_tokens.read(printed_by("node", program, signer("ES256").private_pem)).sub == "42"


@needs("php")
def test_helper_in_php_signs_what_the_hub_takes(key: tuple[str, str], tmp_path: Path) -> None:
    kind, material = key
    program = tmp_path / "token.php"
    helper = block(HOW_TO, f"PHP{kind}", "php")
    program.write_text(f"<?php\n{helper}\necho hub_token(42, $argv[1], 300, ['info' => ['name' => 'Ada']]);\n")
    claims = signed_tokens.read(printed_by("php", program, material))
    assert (claims.sub, claims.conn_info) == ("42", b'{"name":"Ada"}')
    assert 290 <= claims.ttl <= 300


#: How a program reads the key that it gives to the helper.
GO_MAIN = {
    "": """
func main() {
	token, err := HubToken("42", os.Args[1], 300, map[string]any{"info": map[string]any{"name": "Ada"}})
	if err != nil {
		panic(err)
	}
	fmt.Println(token)
}
""",
    ", with a private key": """
func main() {
	found, _ := pem.Decode([]byte(os.Args[1]))
	key, err := x509.ParsePKCS8PrivateKey(found.Bytes)
	if err != nil {
		panic(err)
	}
	claims := map[string]any{"info": map[string]any{"name": "Ada"}}
	token, err := HubToken("42", key.(ed25519.PrivateKey), 300, claims)
	if err != nil {
		panic(err)
	}
	fmt.Println(token)
}
""",
}
GO_IMPORTS = {"": ("fmt", "os"), ", with a private key": ("crypto/x509", "encoding/pem", "fmt", "os")}


@pytest.mark.slow
@needs("go")
def test_helper_in_go_signs_what_the_hub_takes(key: tuple[str, str], tmp_path: Path) -> None:
    kind, material = key
    program = tmp_path / "token.go"
    imports = "".join(f'import "{name}"\n' for name in GO_IMPORTS[kind])
    program.write_text(f"package main\n\n{imports}{block(HOW_TO, f'Go{kind}', 'go')}{GO_MAIN[kind]}")
    claims = signed_tokens.read(printed_by("go", "run", program, material))
    assert (claims.sub, claims.conn_info) == ("42", b'{"name":"Ada"}')
    assert 290 <= claims.ttl <= 300


def test_helpers_are_short() -> None:
    for language in ("python", "js", "php", "go"):
        for code in blocks(HOW_TO, language):
            body = [line for line in code.splitlines()[1:] if line.strip() and not line.startswith("import")]
            assert len(body) <= 10, code


@pytest.mark.slow
@pytest.mark.django_db
def test_claims_of_the_example_make_a_person(settings: Any) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY, settings.HUB_TOKEN_CREATES_USERS = signer("EdDSA").pem, True
    (example,) = [json.loads(code) for code in blocks(HOW_TO, "json")]
    said = {name: value for name, value in example.items() if name not in {"iat", "exp"}}
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {signer('EdDSA').token(**said)}"})
    person = authentication.by_request(request)
    assert (display_name(person), user_id(person)) == ("Ada Lovelace", "c-1042")
    assert example["exp"] - example["iat"] == 600


# --- mistakes -------------------------------------------------------------------------------------------------------


def said_of(token: Callable[[], str]) -> str:
    with pytest.raises(BadToken) as refused:
        signed_tokens.read(token())
    return f"signed token: {refused.value}"


def of_settings(**given: Any) -> Callable[[Any], str]:
    """What the check says about these settings."""

    def mistake(settings: Any) -> str:
        for name, value in given.items():
            setattr(settings, f"HUB_TOKEN_{name}", value)
        return "".join([*faults(), *(message.msg for message in keys_of_signed_tokens_work(None))])

    return mistake


def of_token(by: Signer | None = None, **claims: Any) -> Callable[[Any], str]:
    """What the hub says about such a token, where it has the public key of the product."""

    def mistake(settings: Any) -> str:
        settings.HUB_TOKEN_PUBLIC_KEY = signer("EdDSA").pem
        return said_of(lambda: (by or signer("EdDSA")).token(**claims))

    return mistake


def of_secret(settings: Any) -> str:
    settings.HUB_TOKEN_SECRET = ["another secret, which only the product has"]
    token = signed_tokens.connection_token(1)
    settings.HUB_TOKEN_SECRET = [SECRET]
    return said_of(lambda: token)


def of_der(settings: Any) -> str:
    settings.HUB_TOKEN_PUBLIC_KEY = signer("ES256").pem
    text, _, signature = signer("ES256").token().rpartition(".")
    raw = base64url_decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    return said_of(lambda: f"{text}.{base64url_encode(der).decode()}")


def of_nobody(settings: Any) -> str:
    settings.HUB_TOKEN_PUBLIC_KEY = signer("EdDSA").pem
    token = signer("EdDSA").token(sub="7777777")
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    with pytest.raises(NotValid) as refused:
        authentication.by_request(request)
    return str(refused.value)


def of_zone(settings: Any) -> str:
    settings.HUB_TOKEN_PUBLIC_KEY, settings.HUB_TOKEN_CREATES_USERS = signer("EdDSA").pem, True
    with pytest.raises(NotValid) as refused:
        person_in(signed_tokens.read(signer("EdDSA").token(sub="c-1042", zone="Berlin")))
    return str(refused.value)


def of_model(settings: Any) -> str:
    settings.HUB_TOKEN_CREATES_USERS = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "is_own_model", lambda: False)
        return "".join(message.msg for message in checks.keys_of_signed_tokens_work(None))


CUT = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----"

MISTAKES: dict[str, Callable[[Any], str]] = {
    "the private key was given to the hub": of_settings(PUBLIC_KEY=signer("EdDSA").private_pem),
    "the certificate was given instead of its key": of_settings(
        PUBLIC_KEY="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    ),
    "the path of the file was set without `_FILE`": of_settings(PUBLIC_KEY="/run/hub/public.pem"),
    "the lines of the key were lost": of_settings(PUBLIC_KEY=CUT),
    "the secret is too short": of_settings(SECRET=["short"]),
    "the public key was set as a secret": of_settings(SECRET=[signer("EdDSA").pem]),
    "the keys are fetched without TLS": of_settings(JWKS_URL="http://login.example.com/jwks.json"),
    "the provider's tokens for other programs log in": of_settings(JWKS_URL="https://login.example.com/jwks.json"),
    "another secret or key than that of the hub signs": of_secret,
    "the signature with an EC key is DER": of_der,
    "the library signs with another algorithm": of_token(signer("ES256")),
    "the token has no end": of_token(exp=None),
    "the end is in milliseconds": of_token(exp=int(time.time() * 1000) + 600_000),
    "the clocks differ": of_token(iat=int(time.time()) + 3600, exp=int(time.time()) + 7200),
    "the id is an e-mail address or another name": of_token(sub="ada@example.com"),
    "the id is a number instead of a text": of_token(sub=42),
    "the hub does not know the person": of_nobody,
    "the time zone has no such name": of_zone,
    "tokens are to make people of another user model": of_model,
}


@pytest.mark.django_db
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_told_in_the_words_of_the_page(mistake: str, settings: Any) -> None:
    (sentence,) = [said for made, said in table(HOW_TO, "mistake", "the hub says") if made == mistake]
    assert sentence.strip("`").strip() in MISTAKES[mistake](settings)


def test_every_mistake_of_the_page_is_made() -> None:
    assert [mistake for mistake, _ in table(HOW_TO, "mistake", "the hub says")] == list(MISTAKES)


def test_numbers_and_names_are_those_of_the_code() -> None:
    text = " ".join(prose(HOW_TO).split())
    settings = hub_settings()
    assert f"RSA ({RSA_BITS[0]} to {RSA_BITS[-1]} bits)" in text
    assert f"{', '.join(ALGORITHMS[:2])} and {ALGORITHMS[2]}" in text
    assert set(CURVES.values()) == {"ES256", "ES384", "ES512"}
    assert signed_tokens.LONGEST == 8 * 1024 and "at most 8 KiB" in text
    assert INFO_LIMIT == 1024 and "JSON of at most 1 KiB" in text
    assert (settings.token_lifetime, settings.token_leeway, settings.token_jwks_refresh) == (86_400, 60, 300)
    assert PAUSE == 30 and "not more often than every 30 seconds" in text
