"""The client connection as the protocol's JavaScript client sees it, on each of its transports."""

import time

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client

from chat.actions import post_message
from hub.access import registry, signed_tokens
from hub.access.control import DisconnectUser, send
from hub.concurrency import node
from hub.endpoints.centrifuge.client import Client as Session
from hub.users import user_id
from lab.harness.environment import free_port
from lab.harness.waiting import await_for
from notifications import notify
from tests.connection.node import NodeClient, NodeFailed, needs_node, node_client
from tests.hub.serving import serving
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), needs_node, pytest.mark.any_database]

TRANSPORTS = ["websocket", "http_stream", "sse"]
every_transport = pytest.mark.parametrize("transport", TRANSPORTS)


def signed_in(user: User) -> str:
    """The cookie of a new session."""
    browser = Client()
    browser.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


@pytest.mark.slow
@every_transport
async def test_everything_that_a_page_does(
    address: str, ada: User, room: str, open_namespace: str, transport: str
) -> None:
    cookie = await sync_to_async(signed_in)(ada)
    async with node_client(address, transport, cookie=cookie) as client:
        connected = await client.wait("connected")
        assert connected["transport"] == transport

        # Alerts flow without a subscribe call.
        await sync_to_async(notify)(to=ada, message="Hello")
        assert (await client.wait("publication"))["data"]["message"] == "Hello"

        await client.do("subscribe", channel=room, options={"joinLeave": True})
        subscribed = await client.wait(f"{room} subscribed")
        assert subscribed["recoverable"] and subscribed["streamPosition"]["epoch"]
        assert (await client.wait(f"{room} join"))["info"]["user"] == user_id(ada)

        await client.do("publish", channel=room, data={"message": "Good morning"})
        await await_for(lambda: [p for p in client.all(f"{room} publication") if p.get("offset") == 1])
        found = await client.do("history", channel=room, options={"limit": 10})
        assert [p["data"]["text"] for p in found["publications"]] == ["Good morning"]
        (there,) = (await client.do("presence", channel=room))["clients"].values()
        assert (there["client"], there["connInfo"]) == (connected["client"], {"name": "ada"})
        stats = await client.do("presenceStats", channel=room)
        assert (stats["numClients"], stats["numUsers"]) == (1, 1)

        await client.do("subscribe", channel="open:x")
        await client.wait("open:x subscribed")
        await client.do("publish", channel="open:x", data="Anything")
        published = await client.wait("open:x publication")
        assert (published["data"], published["info"]["user"]) == ("Anything", user_id(ada))

        with pytest.raises(NodeFailed, match="104"):
            await client.do("rpc", method="tests.nothing", data={})
        await client.do("unsubscribe", channel="open:x")
        eve = await User.objects.acreate_user("eve")
        await client.do("subscribe", channel=f"user:{user_id(eve)}")
        assert (await client.wait(f"user:{user_id(eve)} unsubscribed"))["code"] == 103

        await sync_to_async(send)(DisconnectUser(user=user_id(ada)))
        assert (await client.wait("disconnected"))["code"] == 3503


@pytest.mark.slow
@every_transport
async def test_what_was_missed_over_a_restart_of_the_server_is_recovered(ada: User, room: str, transport: str) -> None:
    cookie = await sync_to_async(signed_in)(ada)
    port, number = free_port(), int(room[5:])
    async with serving(port) as address:
        client_of = node_client(address, transport, cookie=cookie)
        client = await client_of.__aenter__()
        await client.do("subscribe", channel=room)
        await client.wait(f"{room} subscribed")
        await sync_to_async(post_message)(room_id=number, author_id=ada.pk, text="0")
        await await_for(lambda: written(client, room) == ["0"])
    await node.close()
    for text in "123":
        await sync_to_async(post_message)(room_id=number, author_id=ada.pk, text=text)
        await sync_to_async(notify)(to=ada, message=text)
    async with serving(port):
        subscribed = await client.wait(f"{room} subscribed", 2)
        await client.wait("publication", 3)
        await await_for(lambda: len(written(client, room)) == 4)
        await client_of.__aexit__(None, None, None)
    await node.close()
    assert (subscribed["wasRecovering"], subscribed["recovered"]) == (True, True)
    assert written(client, room) == ["0", "1", "2", "3"]
    assert [alert["data"]["message"] for alert in client.all("publication")] == ["1", "2", "3"]


def written(client: NodeClient, room: str) -> list[str]:
    """What the client saw written in a room."""
    return [heard["data"]["text"] for heard in client.all(f"{room} publication") if heard.get("offset")]


@pytest.mark.slow
@every_transport
async def test_a_signed_token_is_refreshed_before_it_ends(
    address: str, ada: User, token_secret: str, transport: str
) -> None:
    short, long = signed_tokens.connection_token(user_id(ada), seconds=4), signed_tokens.connection_token(user_id(ada))
    async with node_client(address, transport, tokens=[short, long]) as client:
        connected = await client.wait("connected")
        (session,) = [socket for socket in registry.current() if socket.client == connected["client"]]
        assert isinstance(session, Session)
        await await_for(lambda: (session.expires or 0) > time.time() + 60, that="the token was refreshed")
        assert len(client.all("connected")) == 1


@pytest.mark.slow
@every_transport
async def test_a_token_that_is_not_valid_ends_the_client_for_good(address: str, transport: str) -> None:
    async with node_client(address, transport, options={"token": "nonsense"}) as client:
        assert (await client.wait("disconnected"))["code"] == 3500
