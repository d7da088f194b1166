"""What others put on the channel layer by mistake, or to do harm, costs nobody an alert or a socket."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis
from msgspec import msgpack

from hub.bus.envelope import TYPE
from hub.channels import group_name
from lab.harness.waiting import wait_for
from tests.live.parts import tracebacks
from tests.support.live import LiveHub
from tests.support.sockets import SocketClient, connect

pytestmark = pytest.mark.any_database

NOTIFY = "from notifications import notify; notify(to='everyone', message=message)"


@pytest.fixture
async def layer(hub: LiveHub) -> AsyncIterator["Layer"]:
    before = tracebacks(hub)
    made = Layer(hub)
    yield made
    made.client.close()
    assert tracebacks(hub) == before


class Layer:
    """Redis, as any program on it may use it."""

    def __init__(self, hub: LiveHub) -> None:
        self.client = redis.Redis(unix_socket_path=str(hub.folder / "redis.sock"))

    def publish(self, channel: str, payload: bytes) -> None:
        """Send the bytes to all web processes that follow ``channel``, of which there must be one."""
        name = f"hub__group__{group_name(channel)}"
        wait_for(lambda: self.client.publish(name, payload), that=f"somebody follows {name}")


def event(**fields: Any) -> bytes:
    return msgpack.encode({"type": TYPE, "channel": "everyone", "epoch": "", "offset": 0, "data": "{}", **fields})


FOREIGN = [
    b"",
    b"garbage",
    b"\xc1",
    b"\xff" * 1000,
    msgpack.encode(None),
    msgpack.encode(7),
    msgpack.encode("text"),
    msgpack.encode([1, 2]),
    msgpack.encode({}),
    msgpack.encode({"type": "chat.message", "message": "x"}),
    msgpack.encode({"type": "websocket.close"}),
    msgpack.encode({"type": "hub.something_newer", "data": "{}"}),
    msgpack.encode({"type": TYPE}),
    event(type=7),
    event(channel=7),
    event(channel="no such channel"),
    event(channel="room:999999999"),
    event(offset="1"),
    event(offset=-1),
    event(offset=1.5),
    event(data=None),
    event(data={"type": "x"}),
    event(data=""),
    event(data="not JSON"),
    event(data="null"),
    event(data='{"type": "notifications.notification_created"}'),
    event(data='{"type": "presence.online_counted", "count": "many"}'),
    event(data="[" * 5000),
    event(data="[" * 100_000),
]


async def alert_of(client: SocketClient, unique: str) -> str:
    """The next alert of this test. Others come in between: the worker tells of rooms that were made before."""
    text: str = (await client.receive_until(lambda frame: unique in frame.get("message", "")))["message"]
    return text


@pytest.mark.parametrize("payload", FOREIGN, ids=lambda payload: repr(payload[:70]))
async def test_whatever_is_on_the_layer_the_sockets_live_on(
    hub: LiveHub, webs: list[str], layer: Layer, unique: str, payload: bytes
) -> None:
    async with connect(f"{webs[0]}/ws/notifications/") as one, connect(f"{webs[1]}/ws/notifications/") as two:
        layer.publish("everyone", payload)
        hub.shell(NOTIFY, message=unique)
        for client in (one, two):
            assert await alert_of(client, unique) == unique


async def test_an_offset_that_somebody_made_up_costs_nobody_an_alert(
    hub: LiveHub, webs: list[str], layer: Layer, unique: str
) -> None:
    hub.shell(NOTIFY, message="before")
    epoch = hub.shell("from hub.models import Stream; print(Stream.objects.get(channel='everyone').epoch)")
    async with connect(f"{webs[0]}/ws/notifications/") as client:
        layer.publish("everyone", event(epoch=epoch, offset=10**9))
        layer.publish("everyone", event(epoch=epoch, offset=2**70 % 2**63))
        for number in range(3):
            hub.shell(NOTIFY, message=f"{number} {unique}")
            assert await alert_of(client, unique) == f"{number} {unique}"


async def test_an_epoch_that_somebody_made_up_closes_no_socket(
    hub: LiveHub, webs: list[str], layer: Layer, unique: str
) -> None:
    hub.shell(NOTIFY, message=f"before {unique}")
    async with connect(f"{webs[0]}/ws/notifications/") as client:
        layer.publish("everyone", event(epoch="0badbad0", offset=1))
        hub.shell(NOTIFY, message=unique)
        await client.receive_until(lambda frame: frame.get("message") == unique)


async def test_garbage_leaves_no_second_subscription_behind(
    hub: LiveHub, webs: list[str], layer: Layer, unique: str
) -> None:
    async with connect(f"{webs[0]}/ws/notifications/") as one, connect(f"{webs[1]}/ws/notifications/") as two:
        hub.shell(NOTIFY, message=f"before {unique}")
        await one.receive_json()
        before = len(layer.client.pubsub_channels("hub__relay*")) + len(layer.client.pubsub_channels("*!*"))
        for _ in range(5):
            layer.publish("everyone", b"garbage")
        hub.shell(NOTIFY, message=unique)
        for client in (one, two):
            await client.receive_until(lambda frame: frame.get("message") == unique)
        after = len(layer.client.pubsub_channels("hub__relay*")) + len(layer.client.pubsub_channels("*!*"))
        assert after == before
