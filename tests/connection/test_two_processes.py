"""The client connection behind a balancer: a connection in one web process, its commands in another."""

import httpx
import pytest

from lab.harness.environment import SESSION_COOKIE
from tests.connection.clients import Connected, connected
from tests.connection.node import needs_node, node_client
from tests.connection.wire import CONNECT
from tests.live.parts import create_room, web_urls
from tests.support.live import GRACE, LiveHub

pytestmark = [pytest.mark.live, needs_node, pytest.mark.any_database]


@pytest.mark.parametrize("transport", ["http_stream", "sse"])
async def test_commands_reach_the_process_that_holds_the_stream(hub: LiveHub, transport: str) -> None:
    first, second = (url.removeprefix("ws://") for url in web_urls(hub))
    cookie = f"{SESSION_COOKIE}={hub.create_user('emulated')}"
    room = f"room:{create_room(hub, f'emulated_{transport}')}"
    async with node_client(first, transport, emulation=second, cookie=cookie) as client:
        await client.wait("connected")
        await client.do("subscribe", channel=room)
        await client.wait(f"{room} subscribed")
        await client.do("publish", channel=room, data={"message": "Hello"})
        found = await client.do("history", channel=room, options={"limit": 1})
        assert found["publications"][0]["data"]["text"] == "Hello"


@pytest.mark.parametrize("transport", ["http_stream", "sse"])
async def test_commands_as_long_as_a_websocket_takes_reach_the_other_process(hub: LiveHub, transport: str) -> None:
    first, second = (url.removeprefix("ws://") for url in web_urls(hub))
    create_room(hub, "far")
    async with node_client(first, transport, emulation=second) as client:
        await client.wait("connected")
        found = await client.do("rpc", method="chat.room", data={"name": "far", "ignored": '"' * 20_000})
        assert found["data"]["name"] == "far"


async def test_who_is_there_is_one_answer_in_all_processes(hub: LiveHub) -> None:
    first, second = (url.removeprefix("ws://") for url in web_urls(hub))
    for name in ("one", "two"):
        hub.create_user(name)
    room = f"room:{create_room(hub, 'presence_of_two')}"
    async with (
        connected(first, token=hub.token("one")) as one,
        connected(second, token=hub.token("two")) as two,
    ):
        here, inbox = await one.subscribe(room, join_leave=True)
        there, _ = await two.subscribe(room)
        assert (await inbox.wait("join", 2)).info.conn_info == {"name": "two"}
        for subscription in (here, there):
            clients = (await subscription.presence()).clients.values()
            assert sorted(client.conn_info["name"] for client in clients) == ["one", "two"]
        await there.unsubscribe()
        assert (await inbox.wait("leave", timeout=GRACE + 20)).info.client == two.client.client_id


async def test_no_token_reaches_a_log(hub: LiveHub) -> None:
    canary = "canary0123456789abcdef"
    first, second = (url.removeprefix("ws://") for url in web_urls(hub))
    connect_ = f'{{"id":1,"connect":{{"token":"{canary}"}}}}'
    async with httpx.AsyncClient(timeout=20) as http:
        for address in (first, second):
            await http.get(f"http://{address}/connection/sse", params={"cf_connect": connect_})
            await http.get(f"http://{address}/connection/sse", params={"token": canary, "cf_connect": CONNECT})
            await http.get(f"http://{address}/events", params={"channel": "everyone", "token": canary})
            await http.post(f"http://{address}/connection/http_stream", content=connect_)
            await http.post(f"http://{address}/emulation", content=f'{{"session":"{canary}"')
    for said in ({"token": canary}, {"headers": {"Authorization": f"Bearer {canary}"}}):
        client = Connected(first, **said)
        await client.client.connect()
        await client.inbox.wait("disconnected")
    for part in ("up", "web-1", "web-2"):
        assert canary not in hub.logs(part)
