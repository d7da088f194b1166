"""Keys at a URL: who asks for them and how often, what happens while it is away, and what it may do to the hub."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
import structlog

from hub.access import signed_tokens
from hub.access.signed_tokens import BadToken, KeysUnavailable, key_refresh, key_url
from hub.access.signed_tokens.key_url import KeyUrl, NotFetched, body_at, keys_at
from hub.config import faults
from lab.harness.waiting import await_for
from tests.access.signing import Provider, signer
from tests.support.stopwatch import Stopwatch

#: The claims of the tests name people by numbers.
pytestmark = pytest.mark.own_user_model


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    """A provider with one key, ``now``; fetches are allowed one after another."""
    with Provider().running() as provider:
        provider.publish(signer().jwk(kid="now"))
        settings.HUB_TOKEN_JWKS_URL = provider.url
        keys_at.cache_clear()
        keys_at(provider.url).pause = 0.0
        yield provider
        keys_at.cache_clear()


def next_token() -> str:
    return signer("ES256", "next").token(kid="next")


# --- how often ------------------------------------------------------------------------------------------------------


async def test_keys_are_fetched_once_for_all_who_come_together(provider: Provider) -> None:
    tokens = [signer().token(kid="now", sub=str(number)) for number in range(1, 51)]
    found = await asyncio.gather(*map(signed_tokens.aread, tokens))
    assert [claims.sub for claims in found] == [str(number) for number in range(1, 51)]
    assert provider.asked == 1
    for token in tokens:
        await signed_tokens.aread(token)
    assert provider.asked == 1


async def test_names_that_somebody_makes_up_cause_one_fetch_in_a_while(provider: Provider) -> None:
    keys_at(provider.url).pause = 3600
    for number in range(200):
        with pytest.raises((BadToken, KeysUnavailable)):
            await signed_tokens.aread(signer("ES256", "stranger").token(kid=f"made up {number}"))
    assert provider.asked == 1
    assert (await signed_tokens.aread(signer().token(kid="now"))).sub == "1"


async def test_key_that_is_known_by_name_is_not_asked_for(provider: Provider) -> None:
    await signed_tokens.aread(signer().token(kid="now"))
    with pytest.raises(BadToken, match="another key"):
        await signed_tokens.aread(signer("ES256", "stranger").token(kid="now"))
    assert provider.asked == 1


async def test_event_loop_goes_on_while_keys_are_fetched(provider: Provider) -> None:
    provider.answers.clear()
    waiting = asyncio.create_task(signed_tokens.aread(signer().token(kid="now")))
    await await_for(lambda: provider.asked == 1, that="the provider is asked")
    turns = 0
    while turns < 100:
        await asyncio.sleep(0)
        turns += 1
    assert not waiting.done()
    provider.answers.set()
    assert (await waiting).sub == "1"


async def test_web_process_fetches_the_keys_at_its_start_and_again_after_a_while(
    provider: Provider, settings: Any
) -> None:
    settings.HUB_TOKEN_JWKS_REFRESH = 0.1
    key_refresh.current()
    try:
        await await_for(lambda: provider.asked >= 2, that="the keys are fetched without a client")
    finally:
        await key_refresh.current.close()


def test_thread_of_a_page_fetches_keys_by_itself(provider: Provider) -> None:
    assert signed_tokens.read(signer().token(kid="now")).sub == "1"
    assert signed_tokens.read(signer().token(kid="now", sub="2")).sub == "2"
    assert provider.asked == 1


# --- rotation, and a URL that is away -------------------------------------------------------------------------------


async def test_new_key_is_found_by_the_first_token_that_names_it(provider: Provider) -> None:
    await signed_tokens.aread(signer().token(kid="now"))
    provider.publish(signer().jwk(kid="now"), signer("ES256", "next").jwk(kid="next"))
    assert (await signed_tokens.aread(next_token())).sub == "1"
    assert (await signed_tokens.aread(signer().token(kid="now"))).sub == "1"
    assert provider.asked == 2


async def test_key_that_is_gone_verifies_no_more(provider: Provider) -> None:
    token = signer().token(kid="now")
    await signed_tokens.aread(token)
    provider.publish(signer("ES256", "next").jwk(kid="next"))
    await signed_tokens.aread(next_token())
    with pytest.raises(BadToken, match="not known"):
        await signed_tokens.aread(token)


async def test_client_comes_back_where_nobody_could_look_for_its_key(provider: Provider) -> None:
    keys_at(provider.url).pause = 3600
    await signed_tokens.aread(signer().token(kid="now"))
    provider.publish(signer("ES256", "next").jwk(kid="next"))
    # Its key may be there by now, and the last fetch is too short a while ago to say so.
    with pytest.raises(KeysUnavailable):
        await signed_tokens.aread(next_token())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (302, b""),
        (404, b'{"keys": []}'),
        (200, b""),
        (200, b"<html>"),
        (200, b'{"keys": []}'),
        (200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'),
        (200, b"[" * 200_000),
        (200, b'{"keys": [' + b"{}," * 200_000),
        (200, b'{"keys":"' + b"x" * 1_000_000 + b'"}'),
        (200, b"\xff\xfe\x00"),
    ],
)
async def test_old_keys_serve_while_the_url_answers_nonsense(provider: Provider, status: int, body: bytes) -> None:
    await signed_tokens.aread(signer().token(kid="now"))
    provider.status, provider.body = status, body
    with structlog.testing.capture_logs() as logged, pytest.raises(KeysUnavailable):
        await signed_tokens.aread(next_token())
    (line,) = [line for line in logged if line["event"] == "signing_keys_not_fetched"]
    assert line["known"] == 1 and line["reason"]
    assert (await signed_tokens.aread(signer().token(kid="now", sub="2"))).sub == "2"


async def test_old_keys_serve_while_the_url_is_away(provider: Provider, settings: Any) -> None:
    source = keys_at(provider.url)
    await signed_tokens.aread(signer().token(kid="now"))
    settings.HUB_TOKEN_JWKS_URL = closed = "http://127.0.0.1:9/jwks.json"
    away = keys_at(closed)
    away.keys = source.keys
    assert (await signed_tokens.aread(signer().token(kid="now"))).sub == "1"
    with pytest.raises(KeysUnavailable):
        await signed_tokens.aread(next_token())
    assert (await signed_tokens.aread(signer().token(kid="now"))).sub == "1"


async def test_url_that_was_away_is_asked_again(provider: Provider) -> None:
    provider.status = 503
    with pytest.raises(KeysUnavailable):
        await signed_tokens.aread(signer().token(kid="now"))
    provider.status = 200
    assert (await signed_tokens.aread(signer().token(kid="now"))).sub == "1"


# --- bounds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drip", [0.0, 0.02])
def test_answer_that_does_not_come_is_given_up_in_time(provider: Provider, drip: float) -> None:
    provider.drip = drip
    provider.body = b" " * 1000 + provider.body
    if not drip:
        provider.answers.clear()
    with Stopwatch() as watch, pytest.raises(NotFetched, match=r"no answer within 0\.3 s"):
        body_at(provider.url, deadline=0.3)
    assert watch.seconds < 10  # half as long as the whole answer would take


def test_answer_that_does_not_come_is_given_up_although_the_watch_is_late(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.answers.clear()
    monkeypatch.setattr(key_url, "_give_up", lambda *_: None)
    with pytest.raises(NotFetched, match="no answer within"):
        body_at(provider.url, deadline=0.1)


def test_answer_is_given_up_although_another_address_was_tried_until_then(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.body, provider.drip = b" " * 1000, 0.02
    has_looked = threading.Event()
    give_up, connect = key_url._give_up, HTTPConnection.connect

    def watch(*about: Any) -> None:
        give_up(*about)
        has_looked.set()

    def late(connection: HTTPConnection) -> None:
        assert has_looked.wait(30)
        connect(connection)

    monkeypatch.setattr(key_url, "_give_up", watch)
    monkeypatch.setattr(HTTPConnection, "connect", late)
    with Stopwatch() as stopwatch, pytest.raises(NotFetched, match="no answer within"):
        body_at(provider.url, deadline=0.1)
    assert stopwatch.seconds < 10  # half as long as the whole answer would take


def test_answer_is_bounded_in_size(provider: Provider) -> None:
    provider.body = b"x" * 1001
    with pytest.raises(NotFetched, match="more than 1000 bytes"):
        body_at(provider.url, limit=1000)
    assert len(body_at(provider.url, limit=1001)) == 1001


def test_redirect_is_not_followed(provider: Provider) -> None:
    provider.status = 302
    with pytest.raises(NotFetched, match="status 302"):
        body_at(provider.url)
    assert provider.asked == 1


def test_thread_does_not_wait_for_another_that_fetches(provider: Provider) -> None:
    source = KeyUrl(provider.url)
    source._fetching.acquire()
    assert not source.may_fetch
    assert not source.fetch()
    assert provider.asked == 0


def test_keys_that_have_not_changed_stay_the_same_objects(provider: Provider) -> None:
    source = KeyUrl(provider.url, pause=0)
    assert source.fetch()
    known = source.keys
    assert source.fetch()
    assert source.keys is known
    provider.body = json.dumps(json.loads(provider.body), indent=1).encode()
    assert source.fetch()
    assert source.keys is not known


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("", True),
        ("https://login.example.com/jwks.json", True),
        ("https://login.example.com:8443/jwks?tenant=1", True),
        ("http://localhost:8080/jwks.json", True),
        ("http://127.0.0.1/jwks.json", True),
        ("http://[::1]/jwks.json", True),
        ("http://login.example.com/jwks.json", False),
        ("http://localhost.example.com/jwks.json", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://localhost@example.com/", False),
        ("https://ada:secret@login.example.com/", False),
        ("file:///etc/passwd", False),
        ("ftp://localhost/", False),
        ("//login.example.com", False),
        ("login.example.com", False),
        ("https://", False),
        ("https://login.example.com:x/", False),
        ("https://login.example.com/\r\nHost: x", False),
        ("https://login.example.com/a b", False),
    ],
)
def test_url_is_one_that_nobody_on_the_way_can_answer(settings: Any, url: str, is_taken: bool) -> None:
    settings.HUB_TOKEN_JWKS_URL = url
    assert ("HUB_TOKEN_JWKS_URL must be an https:// URL" in "".join(faults())) is not is_taken


def test_defaults_are_bounded() -> None:
    assert (key_url.PAUSE, key_url.DEADLINE, key_url.BYTES_LIMIT) == (30, 5, 256 * 1024)
