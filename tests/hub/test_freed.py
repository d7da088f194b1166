"""What a socket held is free once it has ended, by reference count: the collector of a web process seldom looks."""

import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from hub.access import registry
from hub.database.threads import in_database_thread
from hub.endpoints.centrifuge import websocket
from hub.endpoints.centrifuge.client import Client
from hub.endpoints.simple.endpoint import SimpleEndpoint
from hub.fanout import local_channel
from hub.transports.writer import SendBuffer
from lab.harness.waiting import await_for
from tests.hub.serving import SERVERS, RawClient, serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

#: The parts of a socket.
PARTS = (
    WebSocketsSansIOProtocol,
    SimpleEndpoint,
    SendBuffer,
    Client,
    websocket.WebSocket,
    local_channel.Subscription,
)

EACH = pytest.mark.parametrize("kind", SERVERS)


@pytest.fixture
async def parts() -> AsyncIterator[Callable[[], list[str]]]:
    """The names of the parts of sockets that came since the test began and are in memory; nothing is collected."""

    def all_of_them() -> list[Any]:
        # Not isinstance(), which asks lazy objects for what they stand for.
        found = [one for one in gc.get_objects() if issubclass(type(one), PARTS)]
        return [
            one
            for one in found
            if not issubclass(type(getattr(one, "subscriber", None)), local_channel.ProcessSubscriber)
        ]

    gc.collect()
    before = all_of_them()  # kept, so that no other object gets the address of one of them
    known = {id(one) for one in before}
    gc.disable()
    try:
        yield lambda: sorted(type(one).__name__ for one in all_of_them() if id(one) not in known)
    finally:
        gc.enable()


def token_of(user: Any) -> str:
    from hub.accounts.tokens import issue

    return issue(user)


async def nothing_is_left(parts: Callable[[], list[str]]) -> None:
    try:
        await await_for(lambda: not parts())
    except AssertionError:
        raise AssertionError(f"Still in memory: {parts()}") from None


@pytest.mark.slow
@EACH
async def test_a_plain_socket_that_has_ended_is_free(
    kind: str, parts: Callable[[], list[str]], admin_user: Any
) -> None:
    headers = {"Authorization": f"Bearer {await in_database_thread(token_of, admin_user)}"}
    async with serving(**SERVERS[kind]) as address:
        for _ in range(3):
            # Two that send a close frame, of which one is turned away, and one that is just gone.
            for path in ("/ws/notifications/", "/ws/nowhere/"):
                async with RawClient.connected(address, path, headers) as client:
                    if path == "/ws/notifications/":
                        await await_for(lambda: len(registry.current()) == 1, that="it has been admitted")
                        assert {"NotificationsEndpoint", "SendBuffer", "SessionSubscription"} <= set(parts())
                    await client.send(8, b"\x03\xe8")
                    await client.rest()
            async with RawClient.connected(address, "/ws/notifications/", headers):
                await await_for(lambda: len(registry.current()) == 1, that="it has been admitted")
            await await_for(lambda: len(registry.current()) == 0, that="it has left")
        await nothing_is_left(parts)


@pytest.mark.slow
@EACH
async def test_a_socket_that_the_server_has_closed_is_free(kind: str, parts: Callable[[], list[str]]) -> None:
    async with serving(**SERVERS[kind]) as address:
        for path, hello in (("/ws/notifications/", b""), ("/connection/websocket", b'{"id":1,"connect":{}}')):
            async with RawClient.connected(address, path) as client:
                if hello:
                    await client.send(1, hello)
                await await_for(lambda: len(registry.current()) == 1, that="it has been admitted")
                for one in registry.current():
                    one.stop()
                del one
                while (frame := await client.frame())[0] != 8:
                    pass
                await client.send(8, frame[1])
                await client.rest()
        await nothing_is_left(parts)


@pytest.mark.slow
@EACH
async def test_a_client_connection_that_has_ended_is_free(
    kind: str, parts: Callable[[], list[str]], admin_user: Any
) -> None:
    token = await in_database_thread(token_of, admin_user)
    async with serving(**SERVERS[kind]) as address:
        for sends_close_frame in (True, False):
            headers = {"Authorization": f"Bearer {token}"}
            async with RawClient.connected(address, "/connection/websocket", headers) as client:
                await client.send(1, b'{"id":1,"connect":{}}')
                assert b'"subs"' in (await client.frame())[1], "the hub has subscribed it to channels"
                assert parts().count("ClientSubscription") >= 2
                if sends_close_frame:
                    await client.send(8, b"\x03\xe8")
                    await client.rest()
        await nothing_is_left(parts)
