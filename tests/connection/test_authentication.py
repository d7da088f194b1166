"""Who may open a connection of the client connection, on each transport."""

import asyncio
import contextlib
import json
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from chat.models import Message
from hub.access import signed_tokens
from hub.accounts.tokens import issue
from hub.limits import connections
from hub.publishing import publish_many
from hub.users import user_id
from lab.harness.waiting import await_for
from tests.connection.wire import CONNECT
from tests.hub.serving import PLAIN, serving
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

TRUSTED, STRANGE = "https://app.example", "https://elsewhere.example"
#: Its pages may connect with a token.
PRODUCT = "https://product.example"

POSTING = '{"id":2,"rpc":{"method":"chat.post","data":{"room":ROOM,"text":"written by a link"}}}'


@pytest.fixture(autouse=True)
def trusted_origins(settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = [TRUSTED]
    settings.HUB_TOKEN_ORIGINS = [PRODUCT]


@contextlib.asynccontextmanager
async def socket(address: str, query: str = "", **options: Any) -> Any:
    async with connect(f"ws://{address}/connection/websocket{query}", max_size=None, **options) as opened:
        yield opened


async def said(opened: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(20):
        answer: dict[str, Any] = json.loads(await opened.recv())
    return answer


async def subscribed(opened: ClientConnection, connect_: str = CONNECT) -> list[str]:
    await opened.send(connect_)
    return list((await said(opened))["connect"]["subs"])


async def session_of(user: User) -> dict[str, str]:
    browser = Client()
    await sync_to_async(browser.force_login)(user)
    name = django_settings.SESSION_COOKIE_NAME
    return {"Cookie": f"{name}={browser.cookies[name].value}"}


async def test_a_session_a_bearer_token_and_a_token_in_the_query_say_who_it_is(
    address: str, ada: User, token_secret: str
) -> None:
    own = ["everyone", f"user:{user_id(ada)}"]
    token, signed = await sync_to_async(issue)(ada), signed_tokens.connection_token(user_id(ada))
    for query, headers, command in (
        ("", await session_of(ada), {}),
        ("", {"Authorization": f"Bearer {token}"}, {}),
        ("", {"Authorization": f"Bearer {signed}"}, {}),
        (f"?token={token}", {}, {}),
        (f"?token={signed}", {}, {}),
        ("", {}, {"token": token}),
        ("", {}, {"token": signed}),
    ):
        async with socket(address, query, additional_headers=headers) as opened:
            assert await subscribed(opened, json.dumps({"id": 1, "connect": command})) == own


@pytest.mark.parametrize("header", ["Bearer hub_nobody", "Bearer nonsense", "Bearer "])
async def test_a_credential_that_is_not_valid_never_makes_a_guest(address: str, header: str) -> None:
    async with socket(address, additional_headers={"Authorization": header}) as opened:
        await opened.send(CONNECT)
        async with asyncio.timeout(20):
            await opened.wait_closed()
    assert opened.close_code == 3500


@pytest.mark.slow
async def test_a_page_of_a_strange_origin_opens_nothing(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket(address, origin=STRANGE):
            pass
    assert refused.value.response.status_code == 403
    async with httpx.AsyncClient(base_url=f"http://{address}", headers={"Origin": STRANGE}) as http:
        for response in (
            await http.post("/connection/http_stream", content=CONNECT),
            # What a form may send without asking.
            await http.post("/connection/http_stream", content=CONNECT, headers={"Content-Type": "text/plain"}),
            await http.post("/connection/http_stream", content=CONNECT, headers={"Origin": "null"}),
            await http.get("/connection/sse", params={"cf_connect": CONNECT}),
            await http.post("/emulation", json={"session": "x", "node": "0", "data": "{}"}),
            await http.get("/events", params={"channel": "everyone"}),
            await http.request("OPTIONS", "/emulation"),
        ):
            assert response.status_code in {403, 405}
            assert "access-control-allow-origin" not in response.headers


async def test_a_page_of_a_trusted_origin_may_use_every_transport(address: str) -> None:
    async with socket(address, origin=TRUSTED) as opened:
        assert await subscribed(opened) == ["everyone"]
    async with httpx.AsyncClient(base_url=f"http://{address}", headers={"Origin": TRUSTED}) as http:
        asked = await http.request("OPTIONS", "/emulation")
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, TRUSTED)
        async with http.stream("GET", "/events", params={"channel": "everyone"}) as response:
            assert response.headers["access-control-allow-origin"] == TRUSTED


async def test_a_page_of_a_product_is_who_its_token_says_and_never_who_its_cookies_say(
    address: str, ada: User, bob: User, token_secret: str
) -> None:
    cookies = await session_of(ada)
    async with socket(address, origin=PRODUCT, additional_headers=cookies) as opened:
        assert await subscribed(opened) == ["everyone"]
    connecting = json.dumps({"id": 1, "connect": {"token": signed_tokens.connection_token(user_id(bob))}})
    async with socket(address, origin=PRODUCT, additional_headers=cookies) as opened:
        assert await subscribed(opened, connecting) == ["everyone", f"user:{user_id(bob)}"]


async def test_a_page_of_a_product_is_answered_without_credentials(address: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address}") as http:
        for asking, credentials in ((TRUSTED, "true"), (PRODUCT, None)):
            response = await http.request("OPTIONS", "/emulation", headers={"Origin": asking})
            assert response.headers["access-control-allow-origin"] == asking
            assert response.headers.get("access-control-allow-credentials") == credentials
            assert response.headers["vary"] == "origin"


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/connection/http_stream", {}, 405),
        ("POST", "/connection/http_stream", {"content": b"x" * 70_000}, 413),
        ("POST", "/connection/sse", {}, 405),
        ("GET", "/emulation", {}, 405),
        ("POST", "/emulation", {"content": b"nonsense"}, 400),
        ("POST", "/emulation", {"content": b"[" * 60_000}, 400),
        ("POST", "/emulation", {"content": b"\xff"}, 400),
        ("POST", "/emulation", {"content": b"x" * 140_000}, 413),
        ("POST", "/emulation", {"json": {"session": "x", "node": "../../etc", "data": "{}"}}, 400),
        ("POST", "/emulation", {"json": {"session": "x", "node": "0123456789abcdef", "data": "{}"}}, 204),
        ("POST", "/events", {}, 405),
    ],
)
async def test_what_is_no_request_of_the_protocol_is_answered_with_a_status(
    address: str, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address}") as http:
        response = await http.request(method, path, **options)
    assert response.status_code == status


@pytest.mark.parametrize("first", ["", "nonsense", '{"id":1,"rpc":{}}', '{"id":1,"connect":{"token":"nonsense"}}'])
async def test_a_stream_that_does_not_begin_with_a_connect_ends_with_the_reason(address: str, first: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as http:
        response = await http.post("/connection/http_stream", content=first)
        events = await http.get("/connection/sse", params={"cf_connect": first})
    code = 3500 if "token" in first else 3501
    assert json.loads(response.text)["push"]["disconnect"]["code"] == code
    assert json.loads(events.text.removeprefix("data: "))["push"]["disconnect"]["code"] == code


@pytest.mark.parametrize(
    "commands",
    [
        [POSTING],
        [CONNECT, POSTING],
        *([f"{CONNECT}{between}{POSTING}"] for between in ("", " ", "\n", "\r", "\r\n", "\n\n\x0b", "\u2028", "\x85")),
        [f"\n{CONNECT}\n{POSTING}\n"],
        [f"[{CONNECT},{POSTING}]"],
        [CONNECT[:-1] + POSTING.replace('{"id":2', "", 1)],
    ],
)
async def test_link_to_an_event_stream_does_nothing_in_the_name_of_who_follows_it(
    address: str, ada: User, room: str, commands: list[str]
) -> None:
    """The browser sends the session along with a link from any page."""
    headers = await session_of(ada)
    commands = [command.replace("ROOM", room[5:]) for command in commands]
    async with httpx.AsyncClient(base_url=f"http://{address}", headers=headers, timeout=20) as http:
        response = await http.get("/connection/sse", params=[("cf_connect", command) for command in commands])
        assert response.status_code == 400 or '"code":3501' in response.text
        assert "written by a link" not in response.text
        assert not await Message.objects.aexists()


async def test_same_commands_are_carried_out_where_no_link_leads(address: str, ada: User, room: str) -> None:
    commands = f"{CONNECT}\n{POSTING}".replace("ROOM", room[5:])
    async with (
        httpx.AsyncClient(base_url=f"http://{address}", headers=await session_of(ada), timeout=20) as http,
        http.stream("POST", "/connection/http_stream", content=commands) as response,
    ):
        answers = response.aiter_lines()
        assert [json.loads(await anext(answers))["id"] for _ in range(2)] == [1, 2]
    assert await Message.objects.acount() == 1


async def test_page_that_is_navigated_to_is_no_event_stream(address: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as http:
        headers = {"Sec-Fetch-Mode": "navigate"}
        response = await http.get("/connection/sse", params={"cf_connect": CONNECT}, headers=headers)
        assert response.status_code == 403


async def test_a_client_that_names_the_subprotocol_hears_it_again(address: str) -> None:
    async with socket(address, subprotocols=["centrifuge-json"]) as opened:
        assert opened.subprotocol == "centrifuge-json"
        assert await subscribed(opened) == ["everyone"]


async def test_more_connections_than_one_user_may_have_are_refused(address: str, ada: User, settings: Any) -> None:
    settings.HUB_CONNECTIONS_PER_USER = 1
    headers = await session_of(ada)
    async with socket(address, additional_headers=headers) as first:
        await subscribed(first)
        async with socket(address, additional_headers=headers) as second:
            async with asyncio.timeout(20):
                await second.wait_closed()
        assert second.close_code == 3504
    async with socket(address, additional_headers=headers) as third:
        await subscribed(third)


async def test_who_says_who_they_are_with_the_first_command_counts_among_the_connections_of_that_user(
    address: str, ada: User, settings: Any, token_secret: str
) -> None:
    settings.HUB_CONNECTIONS_PER_USER = 1
    connect_ = json.dumps({"id": 1, "connect": {"token": signed_tokens.connection_token(user_id(ada))}})

    async def refused() -> None:
        async with socket(address) as opened:
            await opened.send(connect_)
            async with asyncio.timeout(20):
                await opened.wait_closed()
        assert opened.close_code == 3504
        response = await http.post("/connection/http_stream", content=connect_)
        assert json.loads(response.text)["push"]["disconnect"]["code"] == 3504

    async def none_is_left() -> None:
        await await_for(lambda: not connections.by_user, that="none is counted")

    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as http:
        async with socket(address) as first:
            await subscribed(first, connect_)
            await refused()
        await none_is_left()
        async with http.stream("POST", "/connection/http_stream", content=connect_) as response:
            answers = response.aiter_lines()
            assert "connect" in json.loads(await anext(answers))
            await refused()
        await none_is_left()
        async with socket(address) as third:
            await subscribed(third, connect_)
    await none_is_left()


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [{}, {"ws": PLAIN}])
async def test_megabytes_reach_a_client_that_reads_slowly(overrides: dict[str, Any]) -> None:
    await sync_to_async(publish_many)([("everyone", {"type": "a", "text": "x" * 4000}) for _ in range(900)])
    async with serving(**overrides) as address, socket(address) as opened:
        await subscribed(opened)
        command = {"id": 2, "subscribe": {"channel": "everyone", "recover": True}}
        opened.transport.pause_reading()
        await opened.send(json.dumps(command))
        await asyncio.sleep(0.5)  # it reads nothing meanwhile, and the server must wait for it
        opened.transport.resume_reading()
        found = (await said(opened))["subscribe"]
        assert found["recovered"] and len(found["publications"]) == 900
        await opened.send('{"id":3,"unsubscribe":{"channel":"everyone"}}')
        assert (await said(opened))["id"] == 3
