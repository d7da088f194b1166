"""The hub's Redis layer: the same on the wire as its base, and sturdier."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings as django_settings
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from hub.bus import redis_layer
from hub.bus.redis_layer import HubChannelLayer
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for


class Inside:
    """What a layer holds for the running event loop."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer._get_layer()
        (self.shard,) = self._layer._shards

    def name(self, group: str) -> str:
        """The Redis channel of a group."""
        return str(self._layer._get_group_channel_name(group))

    def names(self, *groups: str) -> set[str]:
        return {self.name(group) for group in groups}

    @property
    def channels(self) -> dict[str, Any]:
        found: dict[str, Any] = self._layer.channels
        return found

    @property
    def wanted(self) -> set[str]:
        """The Redis channels that it is to receive."""
        return set(self.shard._names)

    @property
    def confirmed(self) -> set[str]:
        """Those that Redis has confirmed."""
        return set(self.shard._confirmed)

    @property
    def awaited(self) -> list[str]:
        """Those of which somebody waits for the confirmation."""
        return list(self.shard._waiting)

    @property
    def connection(self) -> Any:
        return self.shard._connection


@pytest.fixture
async def pair() -> AsyncIterator[tuple[HubChannelLayer, RedisPubSubChannelLayer]]:
    """A layer of the hub's and one of its base, as two processes of one project have them."""
    config: Any = django_settings.CHANNEL_LAYERS["default"]["CONFIG"]
    ours, base = HubChannelLayer(**config), RedisPubSubChannelLayer(**config)
    yield ours, base
    await ours.flush()
    theirs = Inside(base).shard
    if theirs._receive_task is not None:  # its flush() waits for ever now and then
        theirs._receive_task.cancel()
    if theirs._redis is not None:
        await theirs._redis.aclose(close_connection_pool=True)


async def test_it_and_its_base_understand_each_other(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer], redis_server: RedisServer
) -> None:
    ours, base = pair
    here, there = await ours.new_channel(), await base.new_channel()
    await ours.group_add("all", here)
    await base.group_add("all", there)
    name = Inside(ours).name("all")
    # The base does not say when Redis has confirmed.
    await await_for(lambda: redis_server.client.pubsub_numsub(name)[0][1] == 2, that="both have joined")
    await base.group_send("all", {"type": "from.base"})
    await ours.group_send_many([("all", {"type": "from.us", "n": n}) for n in range(3)])
    for layer, channel in ((ours, here), (base, there)):
        got = [await asyncio.wait_for(layer.receive(channel), 20) for _ in range(4)]
        assert got == [{"type": "from.base"}, *({"type": "from.us", "n": n} for n in range(3))]


async def test_what_is_sent_after_joining_many_groups_is_received_from_each(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer],
) -> None:
    ours, _ = pair
    channel = await ours.new_channel()
    groups = [f"group.{number}" for number in range(500)]
    await ours.group_add_many(groups, channel)
    await ours.group_send_many([(group, {"type": "test", "group": group}) for group in groups])
    got = [(await asyncio.wait_for(ours.receive(channel), 20))["group"] for _ in groups]
    assert got == groups


async def test_what_a_relay_does_not_take_in_time_is_dropped_and_counted(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer], settings: Settings
) -> None:
    def dropped() -> float:
        return REGISTRY.get_sample_value("hub_layer_dropped_total") or 0

    settings.HUB_LAYER_QUEUE = 3
    ours, _ = pair
    channel, before = await ours.new_channel(), dropped()
    await ours.group_add("all", channel)
    await ours.group_send_many([("all", {"type": "test", "n": n}) for n in range(10)])
    await await_for(lambda: dropped() == before + 7, that="seven are dropped")
    assert ours.waiting_for(channel) == 3
    assert [(await ours.receive(channel))["n"] for _ in range(3)] == [0, 1, 2]
    assert ours.waiting_for(channel) == 0


async def test_joining_many_groups_returns_when_redis_has_confirmed_the_last(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer],
) -> None:
    ours, _ = pair
    channel = await ours.new_channel()
    inside = Inside(ours)
    for first in (0, 2000):  # twice: half of the second are confirmed already
        groups = [f"group.{number}" for number in range(first, first + 4000)]
        await ours.group_add_many(groups, channel)
        assert inside.names(*groups) <= inside.confirmed


async def test_a_group_that_was_left_is_heard_no_more(pair: tuple[HubChannelLayer, RedisPubSubChannelLayer]) -> None:
    ours, _ = pair
    channel = await ours.new_channel()
    await ours.group_add_many(["left", "kept"], channel)
    await ours.group_discard_many(["left"], channel)
    await ours.group_send_many([("left", {"type": "left"}), ("kept", {"type": "kept"})])
    assert await asyncio.wait_for(ours.receive(channel), 20) == {"type": "kept"}


@pytest.mark.slow
async def test_after_redis_was_killed_all_groups_are_heard_again(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer], redis_server: RedisServer
) -> None:
    ours, _ = pair
    channel = await ours.new_channel()
    groups = [f"group.{number}" for number in range(20)]
    await ours.group_add_many(groups, channel)
    inside = Inside(ours)
    redis_server.kill()
    await await_for(lambda: not inside.confirmed, that="the end of Redis is noticed")
    redis_server.start()
    names = inside.names(*groups)
    await await_for(lambda: names <= inside.confirmed, that="Redis has confirmed all groups again")
    for group in groups:
        await ours.group_send(group, {"type": "test", "group": group})
    assert [(await asyncio.wait_for(ours.receive(channel), 20))["group"] for _ in groups] == groups


@pytest.mark.slow
async def test_joining_while_redis_is_away_is_bounded_by_the_caller_and_holds_when_it_is_back(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer], redis_server: RedisServer
) -> None:
    ours, _ = pair
    channel = await ours.new_channel()
    redis_server.stop()
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await ours.group_add_many(["late"], channel)
    finally:
        redis_server.start()
    await asyncio.wait_for(ours.group_add_many(["late"], channel), 20)
    await ours.group_send("late", {"type": "test"})
    assert await asyncio.wait_for(ours.receive(channel), 20) == {"type": "test"}


async def test_joins_that_are_given_up_while_redis_is_away_leave_nothing_behind(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer], redis_server: RedisServer
) -> None:
    ours, _ = pair
    channel = await ours.new_channel()
    inside = Inside(ours)
    groups = [f"group.{number}" for number in range(100)]
    redis_server.stop()
    try:
        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await ours.group_add_many(groups, channel)
        assert inside.awaited == []
        await ours.group_discard_many(groups[1:], channel)
    finally:
        redis_server.start()
    kept = inside.name(groups[0])
    await await_for(lambda: kept in inside.confirmed, that="the group that is still wanted is joined")
    assert inside.wanted == {channel, kept}
    await ours.group_send_many([(group, {"type": "test", "group": group}) for group in reversed(groups)])
    assert (await asyncio.wait_for(ours.receive(channel), 20))["group"] == groups[0]


async def test_who_gives_up_a_join_leaves_the_others_waiting_for_it(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer], redis_server: RedisServer
) -> None:
    ours, _ = pair
    channel, other = await ours.new_channel(), await ours.new_channel()
    inside = Inside(ours)
    redis_server.stop()
    try:
        patient = asyncio.create_task(ours.group_add_many(["both"], channel))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ours.group_add_many(["both", "one"], other)
        assert inside.awaited == [inside.name("both")]
        assert not patient.done()
    finally:
        redis_server.start()
    await asyncio.wait_for(patient, 20)
    assert inside.awaited == []


async def test_who_waits_to_join_a_group_that_is_left_meanwhile_waits_no_longer(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer], redis_server: RedisServer
) -> None:
    ours, _ = pair
    channel = await ours.new_channel()
    inside = Inside(ours)
    redis_server.stop()
    try:
        joining = asyncio.create_task(ours.group_add_many(["left"], channel))
        await await_for(lambda: inside.awaited, that="it waits for Redis")
        await ours.group_discard_many(["left"], channel)
        await asyncio.wait_for(joining, 20)
    finally:
        redis_server.start()
    assert inside.wanted == {channel}


async def test_channels_that_could_not_be_made_while_redis_is_away_leave_nothing_behind(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer], redis_server: RedisServer
) -> None:
    ours, _ = pair
    inside = Inside(ours)
    redis_server.stop()
    try:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await ours.new_channel("relay")
        assert (inside.channels, inside.wanted, inside.awaited) == ({}, set(), [])
    finally:
        redis_server.start()
    channel = await asyncio.wait_for(ours.new_channel("relay"), 20)
    assert inside.wanted == set(inside.channels) == {channel}


async def test_a_redis_that_is_silent_is_asked_and_left_when_it_does_not_answer(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus.redis_layer.SILENCE", 0.05)
    ours, _ = pair
    channel = await ours.new_channel()
    inside = Inside(ours)
    first = inside.connection
    await asyncio.sleep(0.3)
    assert inside.connection is first, "it answers, so it is kept"
    monkeypatch.setattr("hub.bus.redis_layer.PONG_TIMEOUT", 0.05)
    monkeypatch.setattr(inside.shard, "_command", lambda *words: None)  # the question does not arrive
    await await_for(lambda: inside.connection is not first, that="the silent connection is left")
    assert channel in inside.channels


async def test_connection_that_receives_is_closed_with_the_layer_even_between_two_steps(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_layer, "READS", 0)  # each step ends at once
    ours, _ = pair
    inside = Inside(ours)
    joining = asyncio.create_task(inside.shard.subscribe_many(["a"]))
    await await_for(lambda: inside.connection, that="it is connected")
    connection = inside.connection
    await ours.flush()
    await joining
    assert not connection.is_connected


async def test_groups_that_processes_have_joined_are_told_by_their_beginning(
    pair: tuple[HubChannelLayer, RedisPubSubChannelLayer],
) -> None:
    ours, base = pair
    for layer, group in ((ours, "hub.user.7"), (base, "hub.user.8"), (ours, "hub.room.7"), (ours, "hub.username")):
        await layer.group_add(group, await layer.new_channel())
    assert sorted(await ours.groups_joined("hub.user.")) == ["hub.user.7", "hub.user.8"]
