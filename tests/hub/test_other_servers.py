"""Servers that are not the hub's: what ``websocket.close`` may carry, and URLs as people type them."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from hub.access import registry
from hub.asgi import application
from hub.database.threads import in_database_thread
from hub.fanout.frames import BINARY, TEXT
from lab.harness.waiting import await_for
from tests.hub.serving import SERVERS, RawClient, serving
from tests.hub.test_heads_and_bodies import Connection
from tests.support.people import User
from tests.support.sockets import Endpoint, connect

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


class BadCode(Exception):
    pass


async def strict(scope: Any, receive: Any, send: Any) -> None:
    """The application on a server with Daphne's rule for codes."""

    async def checked(event: Any) -> None:
        code = event.get("code", 1000)
        if event["type"] == "websocket.close" and code != 1000 and not 3000 <= code <= 4999:
            raise BadCode(code)
        await send(event)

    await application(scope, receive, checked)


@contextlib.asynccontextmanager
async def on_a_strict_server(path: str) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(strict, path, {"host": "localhost"})
    assert await endpoint.connect() is None
    yield endpoint
    await endpoint.disconnect()


@pytest.mark.parametrize(("path", "code"), [("/ws/notifications/", 4413), ("/connection/websocket", 3501)])
async def test_a_frame_that_is_too_big_closes_the_socket(path: str, code: int) -> None:
    async with on_a_strict_server(path) as endpoint:
        await endpoint.send("x" * 70_000)
        assert await endpoint.close_code() == code


async def test_a_server_that_stops_closes_its_sockets() -> None:
    async with on_a_strict_server("/ws/notifications/") as endpoint:
        await await_for(lambda: len(list(registry.current())) == 1, that="the socket is known")
        for one in list(registry.current()):
            one.stop()
        assert await endpoint.close_code() == 4012


@pytest.mark.parametrize("kind", ["lean", "raw"])
@pytest.mark.parametrize(
    ("query", "protocols", "opcode"),
    [
        ("", "centrifuge-protobuf", BINARY),
        ("?format=protobuf", None, BINARY),
        ("?cf_protocol=protobuf", None, BINARY),
        ("?a=b&cf_protocol=protobuf&cf_protocol_version=v2", None, BINARY),
        ("", "centrifuge-json", TEXT),
        ("", "centrifuge-protobuf, centrifuge-json", TEXT),
        ("?format=json", None, TEXT),
        ("?cf_protocol_version=v2", None, TEXT),
    ],
)
async def test_a_client_is_answered_in_the_form_that_it_asks_for(
    kind: str, query: str, protocols: str | None, opcode: int
) -> None:
    headers = {"Sec-WebSocket-Protocol": protocols} if protocols else {}
    connect_ = {TEXT: b'{"id":1,"connect":{}}', BINARY: b"\x04\x08\x01\x22\x00"}
    async with (
        serving(**SERVERS[kind]) as address,
        RawClient.connected(address, f"/connection/websocket{query}", headers) as client,
    ):
        await client.send(opcode, connect_[opcode])
        assert (await client.frame())[0] == opcode


async def test_a_client_that_wants_protobuf_over_http_is_told_that_there_is_none() -> None:
    async with serving() as address:
        for request in (
            "POST /connection/http_stream?cf_protocol=protobuf HTTP/1.1\r\nContent-Length: 0",
            "POST /connection/http_stream HTTP/1.1\r\nContent-Type: application/octet-stream\r\nContent-Length: 0",
            "GET /connection/sse?format=protobuf HTTP/1.1",
        ):
            async with Connection.to(address) as connection:
                await connection.send(f"{request}\r\nHost: {address}\r\n\r\n".encode())
                assert await connection.status() == 400


@pytest.mark.parametrize("path", ["/ws/notifications", "/ws/online", "/ws/chat/hall", "/ws/chat/%D0%B7%D0%B0%D0%BB"])
async def test_the_last_slash_may_be_left_out(path: str, settings: Settings) -> None:
    from chat.actions import create_room

    user = await User.objects.acreate_user("ada")
    for name in ("hall", "зал"):
        await in_database_thread(create_room, name=name, creator=user)
    async with serving() as address:
        for written in (path, f"{path}/", f"{path}?since=now"):
            async with connect(f"ws://{address}{written}") as socket:
                if "since" in written and "online" not in path:
                    assert (await socket.receive_json())["type"] == "resumed"
                else:
                    await socket.send("no JSON")
                    assert (await socket.receive_type("error"))["code"] in {"invalid_json", "login_required"}
        async with connect(f"ws://{address}/ws/nowhere") as socket:
            assert await socket.close_code() == 4404
