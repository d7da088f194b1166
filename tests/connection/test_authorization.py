"""What proves who somebody is, on every way in: what is taken, that nothing else makes a guest, and what is logged."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import jwt
import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from hub.access import registry, signed_tokens
from hub.access.authorization import NotValid, key_of, token_in, token_of
from hub.access.query_token import hide_token
from hub.accounts.models import AccessToken
from hub.accounts.tokens import issue
from hub.users import user_id
from lab.harness.waiting import await_for
from notifications import notify
from tests.connection.conftest import SECRET
from tests.connection.wire import CONNECT, wired
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

#: Headers of a request, as pairs: one name may come twice.
Headers = list[tuple[str, str]]

#: Comes in with these headers and this query; returns the id of who it is then, None for a guest, or "refused".
Way = Callable[[str, str, Headers, str], Awaitable[str | None]]

REFUSED = "refused"


async def plain_socket(address: str, known: str, headers: Headers, query: str) -> str | None:
    async with connect(f"ws://{address}/ws/notifications/?{query}", additional_headers=headers) as opened:
        closing = asyncio.create_task(opened.wait_closed())
        await await_for(lambda: closing.done() or list(registry.current()), that="the socket is in or closed")
        if closing.done():
            assert opened.close_code == 4401
            return REFUSED
        closing.cancel()
        (found,) = registry.current()
        return user_id(found.user) or None


async def hub_socket(address: str, known: str, headers: Headers, query: str) -> str | None:
    async with connect(f"ws://{address}/connection/websocket?{query}", additional_headers=headers) as opened:
        await opened.send(CONNECT)
        with contextlib.suppress(ConnectionClosed):
            return _owner(json.loads(await opened.recv()), known)
    assert opened.close_code == 3500
    return REFUSED


async def http_stream(address: str, known: str, headers: Headers, query: str) -> str | None:
    url = f"http://{address}/connection/http_stream?{query}"
    async with (
        httpx.AsyncClient(timeout=20) as http,
        http.stream("POST", url, content=CONNECT, headers=headers) as response,
    ):
        said = json.loads(await anext(response.aiter_lines()))
        if "push" in said:
            assert said["push"]["disconnect"]["code"] == 3500
            return REFUSED
        return _owner(said, known)


async def events(address: str, known: str, headers: Headers, query: str) -> str | None:
    url = f"http://{address}/events?channel=user:{known}&{query}"
    async with httpx.AsyncClient(timeout=20) as http, http.stream("GET", url, headers=headers) as response:
        return {200: known, 403: None, 401: REFUSED}[response.status_code]


def _owner(said: dict[str, Any], known: str) -> str | None:
    return known if f"user:{known}" in said["connect"]["subs"] else None


WAYS = [plain_socket, hub_socket, http_stream, events]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("header", ["Bearer TOKEN", "Token TOKEN", "bearer TOKEN", "Token   TOKEN"])
async def test_token_is_taken_under_either_name(address: str, ada: User, way: Way, header: str) -> None:
    scheme, _, rest = header.rpartition("TOKEN")
    text = f"{scheme}{await sync_to_async(issue)(ada)}{rest}"
    assert await way(address, user_id(ada), [("Authorization", text)], "") == user_id(ada)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "shown",
    [
        ["Token hub_nobody"],
        ["Bearer hub_nobody"],
        ["Token"],
        ["Bearer"],
        [""],
        ["GOOD"],
        ["Basic GOOD"],
        ["Basic dXNlcjpwYXNzd29yZA=="],
        ["Digest username=ada"],
        ["apikey GOOD"],
        ["Bearer: GOOD"],
        ["Bearer=GOOD"],
        ["Bearer GOOD GOOD"],
        ["Bearer GOOD,"],
        ["Bearer GOOD, Bearer GOOD"],
        ["Bearer GOOD\u00e9"],
        ["Bearer\tGOOD"],
        ["Bearer GOOD", "Bearer hub_nobody"],
        ["Bearer hub_nobody", "Bearer GOOD"],
        ["Bearer GOOD", "Basic dXNlcjpwYXNzd29yZA=="],
    ],
)
async def test_what_is_not_understood_never_makes_a_guest(
    address: str, ada: User, way: Way, shown: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    good = await sync_to_async(issue)(ada)
    headers = [("Authorization", one.replace("GOOD", good)) for one in shown]
    if way in {http_stream, events}:  # httpx encodes what it is given as text by itself
        encoded: Any = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        headers = encoded
    assert await way(address, user_id(ada), headers, "") == REFUSED
    (line,) = refusals(caplog)
    assert "127.0.0.1" in line and good not in line and "dXNlcjpwYXNzd29yZA" not in line


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("header", "query", "is_taken"),
    [
        ("", "token=GOOD", True),
        ("Token GOOD", "token=GOOD", True),
        ("", "token=GOOD&token=GOOD", True),
        ("Token GOOD", "token=hub_nobody", False),
        ("Token hub_nobody", "token=GOOD", False),
        ("Basic GOOD", "token=GOOD", False),
        ("", "token=GOOD&token=hub_nobody", False),
        ("", "token=hub_nobody&token=GOOD", False),
        ("", "token=", False),
        ("", "token=GOOD&token=", False),
    ],
)
async def test_two_tokens_that_differ_are_refused(
    address: str, ada: User, way: Way, header: str, query: str, is_taken: bool
) -> None:
    good = await sync_to_async(issue)(ada)
    headers = [("Authorization", header.replace("GOOD", good))] if header else []
    found = await way(address, user_id(ada), headers, query.replace("GOOD", good))
    assert found == (user_id(ada) if is_taken else REFUSED)


@pytest.mark.parametrize(
    ("header", "status", "alerts"),
    [
        (None, 200, 0),
        ("Bearer GOOD", 200, 1),
        ("Token GOOD", 200, 1),
        ("Basic GOOD", 401, 0),
        ("GOOD", 401, 0),
        ("", 401, 0),
        ("Token hub_nobody", 401, 0),
        ("Bearer GOOD,Bearer GOOD", 401, 0),
    ],
)
async def test_lists_over_http_take_the_same(
    address: str, ada: User, header: str | None, status: int, alerts: int, caplog: pytest.LogCaptureFixture
) -> None:
    await sync_to_async(notify)(to=ada, message="for Ada")
    good = await sync_to_async(issue)(ada)
    headers = {} if header is None else {"Authorization": header.replace("GOOD", good)}
    async with httpx.AsyncClient(timeout=20) as http:
        response = await http.get(f"http://{address}/notifications/items/", headers=headers)
    assert (response.status_code, len(response.json().get("items", ()))) == (status, alerts)
    assert len(refusals(caplog)) == (status == 401)


# --- reasons --------------------------------------------------------------------------------------------------------


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [record.getMessage() for record in caplog.records]
    return [line for line in lines if "credential_refused" in line]


def end_token(ada: User) -> None:
    AccessToken.objects.update(revoked_at="2026-01-01T00:00:00Z")


def end_account(ada: User) -> None:
    User.objects.update(is_active=False)


def delete_token(ada: User) -> None:
    AccessToken.objects.all().delete()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("end", "reason"), [(end_token, "revoked"), (end_account, "not active"), (delete_token, "unknown")]
)
async def test_reason_of_a_refused_access_token_is_in_the_log(
    address: str,
    ada: User,
    way: Way,
    end: Callable[[User], None],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = await sync_to_async(issue)(ada)
    await sync_to_async(end)(ada)
    assert await way(address, user_id(ada), [("Authorization", f"Token {token}")], "") == REFUSED
    (line,) = refusals(caplog)
    assert reason in line and "127.0.0.1" in line and token not in line


def signed(secret: str = SECRET, **claims: Any) -> str:
    said = {"sub": "PK", "exp": int(time.time()) + 3600, **claims}
    return jwt.encode({name: value for name, value in said.items() if value is not None}, secret)


@pytest.mark.parametrize("way", [hub_socket, http_stream, events])
@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        pytest.param({"sub": "999999"}, "unknown", marks=pytest.mark.own_user_model),
        ({"secret": "another secret, which only the tests use"}, "another secret"),
        ({"sub": 7}, "$.sub"),
        ({"exp": None}, "without exp"),
        ({"exp": 10}, "expired"),
        ({"aud": "somebody else"}, "audience"),
        ({"iss": "somebody else"}, "issuer"),
        ({"aud": None}, "without aud"),
        ({"channel": "room:1"}, "opens a channel"),
    ],
)
async def test_reason_of_a_refused_signed_token_is_in_the_log_and_the_client_gets_one_code(
    address: str,
    ada: User,
    token_secret: str,
    settings: Any,
    way: Way,
    claims: dict[str, Any],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.HUB_TOKEN_AUDIENCE, settings.HUB_TOKEN_ISSUER = "hub", "shop"
    token = signed(**{"sub": user_id(ada), "aud": "hub", "iss": "shop", **claims})
    if "exp" in claims and claims["exp"] and way is not events:
        # An ended token is the one fault that a client is told of: it gets another one.
        async with connect(f"ws://{address}/connection/websocket?token={token}") as opened:
            await opened.send(CONNECT)
            assert json.loads(await opened.recv())["error"]["code"] == 109
    else:
        assert await way(address, user_id(ada), [("Authorization", f"Bearer {token}")], "") == REFUSED
    (line,) = refusals(caplog)
    assert reason in line and "127.0.0.1" in line and token not in line


async def test_reason_is_logged_for_tokens_that_come_later(
    ada: User, bob: User, token_secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with wired(ada) as wire:
        await wire.ask(
            2, subscribe={"channel": "room:1", "token": signed_tokens.subscription_token(user_id(bob), "room:1")}
        )
        await wire.ask(
            3, subscribe={"channel": "room:1", "token": signed_tokens.subscription_token(user_id(ada), "room:2")}
        )
        await wire.ask(4, subscribe={"channel": "room:1", "token": signed("no" * 32)})
        await wire.client.receive(
            json.dumps({"id": 5, "refresh": {"token": signed_tokens.connection_token(user_id(bob))}})
        )
    assert wire.closed == 3500
    reasons = ["another channel or another user", "another channel or another user", "another secret", "not for this"]
    found = refusals(caplog)
    assert len(found) == len(reasons)
    assert all(reason in line for reason, line in zip(reasons, found, strict=True))


# --- the functions --------------------------------------------------------------------------------------------------


def scope(query: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    made: dict[str, Any] = {"query_string": query.encode(), "headers": list(headers)}
    hide_token(made)
    return made


@pytest.mark.parametrize("header", ["Bearer x", "Token x", " Token   x ", "BEARER x"])
def test_space_around_a_credential_is_none_of_it(header: str) -> None:
    assert token_in(header) == "x"


def test_nothing_shown_is_nothing() -> None:
    assert token_of(scope("since=1")) is None
    assert token_in(None) is None
    assert key_of([(b"host", b"localhost")]) == ""


def test_token_is_taken_out_of_the_scope() -> None:
    made = scope("a=1&token=x&Token=x")
    assert token_of(made) == "x" and made == {"query_string": b"a=1", "headers": []}


@pytest.mark.parametrize(
    "header", ["", " ", "secret", "Bearer", "Basic secret", "Bearer secret secret", "Bearer \x7f"]
)
def test_fault_holds_nothing_of_what_was_shown(header: str) -> None:
    with pytest.raises(NotValid) as fault:
        token_in(header)
    assert "secret" not in str(fault.value) and str(fault.value)


@pytest.mark.parametrize("size", [1, 8192, 60_000])
def test_header_of_any_size_is_read_in_no_time(size: int) -> None:
    began = time.thread_time()
    for text in ("Bearer " + "a" * size, "Bearer " + " " * size, " " * size, "a" * size):
        try:
            token_in(text)
        except NotValid:
            continue
    assert time.thread_time() - began < 1
