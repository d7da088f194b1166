"""The same signed token on every way in: who comes, when the connection ends, and what a client is told."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from hub.access import registry
from hub.access.signed_tokens.key_url import keys_at
from hub.users import user_id
from lab.harness.waiting import await_for
from notifications import notify
from tests.access.signing import Provider, signer
from tests.connection.wire import CONNECT
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

KEYS_AWAY = "http://127.0.0.1:9/jwks.json"


@pytest.fixture
def token(settings: Any, ada: User) -> str:
    """A token of Ada's, which another program has signed with a key of its own."""
    settings.HUB_TOKEN_PUBLIC_KEY = signer().pem
    return signer().token(sub=user_id(ada))


def simple(address: str, token: str, way: str = "header") -> connect:
    """Connect to the alerts with the token in the header, in the URL or in a subprotocol."""
    url = f"ws://{address}/ws/notifications/"
    match way:
        case "header":
            return connect(url, additional_headers={"Authorization": f"Bearer {token}"})
        case "url":
            return connect(f"{url}?token={token}")
    return connect(url, subprotocols=[Subprotocol("hub"), Subprotocol(f"hub.token.{token}")])


async def closed(opened: ClientConnection) -> tuple[int | None, str | None]:
    await asyncio.wait_for(opened.wait_closed(), 20)
    return opened.close_code, opened.close_reason


async def gets(opened: ClientConnection, message: str) -> None:
    """The connection receives this alert, whatever else it is told."""
    async with asyncio.timeout(20):
        while message not in str(await opened.recv()):
            pass


@pytest.mark.parametrize("way", ["header", "url", "subprotocol"])
async def test_signed_token_opens_a_simple_endpoint(address: str, ada: User, token: str, way: str) -> None:
    async with simple(address, token, way) as opened:
        assert opened.subprotocol == ("hub" if way == "subprotocol" else None)
        await await_for(lambda: list(registry.current()), that="the connection is in")
        await sync_to_async(notify)(to=ada, message="for Ada")
        await gets(opened, "for Ada")


@pytest.mark.parametrize("protocols", [["hub"], ["centrifuge-json", "hub"], ["centrifuge-json"]])
async def test_subprotocol_carries_the_token_of_a_client_connection_too(
    address: str, ada: User, token: str, protocols: list[str]
) -> None:
    offered = [Subprotocol(one) for one in (*protocols, f"hub.token.{token}")]
    async with connect(f"ws://{address}/connection/websocket", subprotocols=offered) as opened:
        assert opened.subprotocol == protocols[0]
        await opened.send(CONNECT)
        assert f"user:{user_id(ada)}" in json.loads(await opened.recv())["connect"]["subs"]


async def test_lists_over_http_and_events_take_it(address: str, ada: User, token: str) -> None:
    await sync_to_async(notify)(to=ada, message="for Ada")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(timeout=20, headers=headers) as http:
        listed = await http.get(f"http://{address}/notifications/items/")
        assert [item["message"] for item in listed.json()["items"]] == ["for Ada"]
        async with http.stream("GET", f"http://{address}/events?channel=user:{user_id(ada)}") as stream:
            assert stream.status_code == 200


# --- what a client is told ------------------------------------------------------------------------------------------


async def answers(address: str, person: str, token: str) -> list[tuple[int, Any]]:
    """What each way in says to a client with this token: its code, and what else it says."""
    headers = {"Authorization": f"Bearer {token}"}
    async with simple(address, token) as opened:
        plain = await closed(opened)
    async with connect(f"ws://{address}/connection/websocket", additional_headers=headers) as opened:
        await opened.send(CONNECT)
        try:
            error = json.loads(await opened.recv())["error"]
            protocol: tuple[int, Any] = (error["code"], error["message"])
        except ConnectionClosed:
            protocol = (opened.close_code or 0, opened.close_reason)
    async with httpx.AsyncClient(timeout=20, headers=headers) as http:
        streamed = await http.get(f"http://{address}/events?channel=user:{person}")
        listed = await http.get(f"http://{address}/notifications/items/")
    return [
        (plain[0] or 0, plain[1]),
        protocol,
        (streamed.status_code, streamed.text.strip()),
        (listed.status_code, listed.json()["error"]["code"]),
    ]


async def test_client_gets_a_new_token_where_its_own_is_over(address: str, ada: User, token: str) -> None:
    old = signer().token(sub=user_id(ada), iat=int(time.time()) - 600, exp=int(time.time()) - 1)
    assert await answers(address, user_id(ada), old) == [
        (4010, "Token expired"),
        (109, "token expired"),
        (401, "Token expired"),
        (401, 109),
    ]


@pytest.mark.parametrize("claims", [{"sub": "7777777"}, {"channel": "everyone"}, {"nbf": 2**40}, {"info": "x" * 2000}])
async def test_client_stays_away_where_its_token_is_wrong(
    address: str, ada: User, token: str, claims: dict[str, Any]
) -> None:
    wrong = signer().token(**{"sub": user_id(ada), **claims})
    assert await answers(address, user_id(ada), wrong) == [
        (4401, "Bad token"),
        (3500, "invalid token"),
        (401, "Bad token"),
        (401, 401),
    ]


async def test_client_comes_back_where_nobody_can_say_whether_its_token_is_good(
    address: str, ada: User, token: str, settings: Any
) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY, settings.HUB_TOKEN_JWKS_URL = "", KEYS_AWAY
    keys_at.cache_clear()
    assert await answers(address, user_id(ada), token) == [
        (4011, "Try again"),
        (3004, "internal server error"),
        (503, "Try again"),
        (503, 100),
    ]


# --- while it is connected ------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_simple_endpoint_ends_with_the_token_and_a_new_one_goes_on(address: str, ada: User, token: str) -> None:
    short = signer().token(sub=user_id(ada), exp=time.time() + 1)
    async with simple(address, short) as opened:
        assert await closed(opened) == (4010, "Token expired")
    async with simple(address, token) as opened:
        await await_for(lambda: list(registry.current()), that="the connection is in")
        assert opened.close_code is None


async def test_connection_ends_with_the_account_although_the_token_is_good(
    address: str, ada: User, token: str
) -> None:
    async with simple(address, token) as opened:
        await await_for(lambda: list(registry.current()), that="the connection is in")
        ada.is_active = False
        await ada.asave()
        assert await closed(opened) == (4411, "Logged out")
    assert (await answers(address, user_id(ada), token))[0] == (4401, "Bad token")


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    with Provider().running() as provider:
        provider.publish(signer("EdDSA").jwk(kid="now"))
        settings.HUB_TOKEN_JWKS_URL = provider.url
        keys_at.cache_clear()
        yield provider
        keys_at.cache_clear()


@pytest.mark.slow
async def test_storm_of_clients_asks_the_provider_for_its_keys_once(
    address: str, ada: User, provider: Provider
) -> None:
    token = signer("EdDSA").token(sub=user_id(ada), kid="now")

    async def visit() -> None:
        async with simple(address, token) as opened:
            await gets(opened, "")

    async with asyncio.timeout(30):
        opened = [asyncio.create_task(visit()) for _ in range(40)]
        await await_for(lambda: len(list(registry.current())) == 40, that="all are in")
        await sync_to_async(notify)(to=ada, message="for Ada")
        await asyncio.gather(*opened)
    assert provider.asked == 1


@pytest.mark.own_user_model
async def test_each_refusal_has_its_reason_in_the_log_and_the_token_is_in_none(
    address: str, ada: User, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = signer("ES256", "stranger")
    wrong = {
        "signed with another key": stranger.token(sub=user_id(ada)),
        "expired": signer().token(sub=user_id(ada), iat=int(time.time()) - 600, exp=int(time.time()) - 1),
        "another algorithm": signer("EdDSA").token(sub=user_id(ada)),
        "without exp": signer().token(sub=user_id(ada), exp=None),
        "its user is unknown": signer().token(sub="7777777"),
        "malformed": "a.b.c",
    }
    for reason, text in wrong.items():
        caplog.clear()
        async with simple(address, text, "url") as opened:
            await closed(opened)
        lines = [line for record in caplog.records if "credential_refused" in (line := record.getMessage())]
        assert len(lines) == 1 and reason in lines[0], (reason, lines)
        assert text not in caplog.text
