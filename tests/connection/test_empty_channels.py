"""Channels in which nothing was published yet: no row for who only listens, and a position that holds all the same."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from hub import streams
from hub.bus.envelope import pack
from hub.channels import group_name
from hub.concurrency import node
from hub.models import Stream
from hub.publishing import publish_many
from hub.streams import Envelope
from lab.harness.waiting import await_for
from tests.connection.test_eventsource import listening
from tests.connection.wire import Wire, wired

pytestmark = pytest.mark.django_db(transaction=True)

CHANNEL = "open:new"


@pytest.fixture(autouse=True)
def open_to_everybody(open_namespace: str, settings: Any) -> None:
    settings.HUB_SOCKET_BURST = 10_000


async def publish(*numbers: int) -> None:
    await sync_to_async(publish_many)([(CHANNEL, {"number": number}) for number in numbers])


async def renew() -> None:
    await sync_to_async(streams.renew)()


def numbers(publications: list[dict[str, Any]]) -> list[int]:
    return [publication["data"]["number"] for publication in publications]


async def by_subscribing(address: str, channel: str) -> None:
    async with wired() as wire:
        assert (await wire.ask(subscribe={"channel": channel, "recoverable": True}))["subscribe"]["epoch"]


async def by_recovering(address: str, channel: str) -> None:
    async with wired() as wire:
        since = {"recover": True, "epoch": "deadbeef", "offset": 7}
        assert "subscribe" in await wire.ask(subscribe={"channel": channel, **since})


async def by_reading_history(address: str, channel: str) -> None:
    async with wired() as wire:
        assert (await wire.ask(history={"channel": channel, "limit": 1}))["history"]["epoch"]


async def by_listening_to_events(address: str, channel: str) -> None:
    async with listening(address, f"channel={channel}") as events:
        await anext(events)


@pytest.mark.parametrize("way", [by_subscribing, by_recovering, by_reading_history, by_listening_to_events])
async def test_no_way_to_listen_leaves_a_row_behind(address: str, way: Callable[[str, str], Awaitable[None]]) -> None:
    for number in range(3):
        await way(address, f"open:nothing-{number}")
    assert await Stream.objects.exclude(channel="").acount() == 0


async def position(wire: Wire, number: int = 2) -> dict[str, Any]:
    """Where a client stands that subscribes, to hand back."""
    found = (await wire.ask(number, subscribe={"channel": CHANNEL, "recoverable": True}))["subscribe"]
    assert found["epoch"] and found["recoverable"] and found["positioned"]
    return {"recover": True, "epoch": found["epoch"], "offset": found.get("offset", 0)}


async def test_client_that_comes_back_gets_all_that_came_meanwhile() -> None:
    async with wired() as wire:
        since = await position(wire)
    await publish(1, 2, 3)
    async with wired() as wire:
        found = (await wire.ask(subscribe={"channel": CHANNEL, **since}))["subscribe"]
    assert found["recovered"] is True and found["epoch"] == since["epoch"]
    assert numbers(found["publications"]) == [1, 2, 3]


async def test_client_that_heard_the_first_ones_live_gets_the_rest() -> None:
    async with wired() as wire:
        since = await position(wire)
        await publish(1, 2)
        assert (await wire.pushed("pub", 2))["pub"]["offset"] == 2
    await publish(3)
    async with wired() as wire:
        found = (await wire.ask(subscribe={"channel": CHANNEL, **since, "offset": 2}))["subscribe"]
    assert found["recovered"] is True and numbers(found["publications"]) == [3]


async def test_history_goes_on_from_the_position_of_a_subscription() -> None:
    async with wired() as wire:
        since = await position(wire)
        wanted = {"channel": CHANNEL, "limit": 10, "since": {"epoch": since["epoch"], "offset": 0}}
        assert "history" in await wire.ask(3, history=wanted)
        await publish(1)
        assert numbers((await wire.ask(4, history=wanted))["history"]["publications"]) == [1]


async def test_events_go_on_from_before_the_first(address: str) -> None:
    async with listening(address, f"channel={CHANNEL}") as events:
        last = (await anext(events)).id
    assert last and last.endswith(".0")
    await publish(1, 2)
    async with listening(address, f"channel={CHANNEL}", **{"Last-Event-ID": last}) as events:
        opened, *missed = [await anext(events) for _ in range(3)]
    assert opened.data == {"recovered": True}
    assert [event.data["offset"] for event in missed] == [1, 2]


async def test_client_of_a_history_that_is_over_reloads() -> None:
    async with wired() as wire:
        since = await position(wire)
    await node.close()  # of the process that it knew
    await renew()
    await publish(1)
    async with wired() as wire:
        found = (await wire.ask(subscribe={"channel": CHANNEL, **since}))["subscribe"]
    assert not found.get("recovered") and found["epoch"] != since["epoch"]


async def test_connected_client_of_a_history_that_is_over_subscribes_again() -> None:
    async with wired() as wire:
        since = await position(wire)
        await renew()
        await publish(1)
        assert (await wire.pushed("unsubscribe"))["unsubscribe"]["code"] == 2500
        found = (await wire.ask(5, subscribe={"channel": CHANNEL, **since}))["subscribe"]
        assert not found.get("recovered") and found["offset"] == 1


async def test_offset_that_was_made_up_disturbs_nobody() -> None:
    async with wired() as wire:
        since = await position(wire)
        layer = get_channel_layer()
        assert layer is not None
        made_up = Envelope(CHANNEL, since["epoch"], 10**12, '{"number":0}')
        await layer.group_send(group_name(CHANNEL), pack(made_up))
        await publish(1)
        assert numbers([(await wire.pushed("pub"))["pub"]]) == [1]
        await publish(2)
        await await_for(lambda: len(wire.pushes) == 2, that="the second one")
        assert [push["pub"]["offset"] for push in wire.pushes] == [1, 2]
