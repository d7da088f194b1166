"""The contract of the relay, on each channel layer."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from hub import streams
from hub.bus.envelope import pack
from hub.bus.redis_layer import HubChannelLayer
from hub.channels import UnknownChannel, group_name
from hub.database.threads import in_database_thread
from hub.fanout import catch_up, relay
from hub.fanout.local_channel import Subscription
from hub.fanout.recovery import missed
from hub.models import Publication, Stream
from hub.publishing import apublish, apublish_ephemeral, publish
from hub.streams import Envelope, Position
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for
from tests.hub.listeners import Listener, as_data, follow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def running(layer: Any, settings: Settings) -> AsyncIterator[Any]:
    """A relay on each kind of layer; catch-up is off unless a test wants it, so that it hides no fault."""
    settings.HUB_REPAIR_INTERVAL = 0
    settings.HUB_REDIS_TIMEOUT = 10  # nor is a busy machine taken for a Redis that is away
    await relay.current.close()
    yield layer
    await relay.current.close()


async def store(channel: str, *texts: str) -> list[Envelope]:
    """Publications that are numbered but announced to nobody, as a crash after the commit leaves them."""
    await in_database_thread(streams.append, [(channel, text) for text in texts])
    return await in_database_thread(streams.sequence, [channel])


async def test_a_publication_reaches_every_follower_of_its_channel_and_no_other() -> None:
    one, two, other = Listener(), Listener(), Listener()
    await follow("room:1", one)
    await follow("room:1", two)
    await follow("room:2", other)
    await apublish("room:1", {"n": 1})
    await one.got('{"n":1}')
    await two.got('{"n":1}')
    assert other.frames == []


async def test_a_publication_of_another_process_comes_through_the_layer(running: Any) -> None:
    listener = Listener()
    await follow("room:1", listener)
    (envelope,) = await store("room:1", '{"n":1}')
    await running.group_send(group_name("room:1"), pack(envelope))
    await listener.got('{"n":1}')


@pytest.mark.slow
async def test_publications_of_one_channel_stay_in_order_under_concurrency() -> None:
    listener = Listener()
    await follow("room:1", listener)
    await asyncio.gather(*(apublish("room:1", {"n": number}) for number in range(100)))
    await await_for(lambda: len(listener.frames) >= 100, that="100 frames")
    stored = await in_database_thread(streams.read, "room:1", after=0, limit=200)
    assert listener.frames == [envelope.data for envelope in stored]


async def test_what_the_layer_dropped_is_read_from_the_database_when_the_next_one_comes(running: Any) -> None:
    listener = Listener()
    await follow("room:1", listener)
    envelopes = await store("room:1", "1", "2", "3", "4")
    await running.group_send(group_name("room:1"), pack(envelopes[0]))
    await running.group_send(group_name("room:1"), pack(envelopes[3]))
    await listener.got("1", "2", "3", "4")


async def test_repeats_and_disorder_of_the_layer_are_not_seen(running: Any) -> None:
    listener = Listener()
    await follow("room:1", listener)
    envelopes = await store("room:1", *(str(number) for number in range(10)))
    for envelope in [*reversed(envelopes), *envelopes, *envelopes]:
        await running.group_send(group_name("room:1"), pack(envelope))
    (last,) = await store("room:1", "10")
    await running.group_send(group_name("room:1"), pack(last))  # comes after everything else, so a repeat would show
    await listener.got(*(str(number) for number in range(11)))


@pytest.fixture
def every_look_at_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repair spares a slow database, which one of a busy machine is."""
    monkeypatch.setattr(catch_up, "SHARE", 0.0)


@pytest.mark.usefixtures("every_look_at_its_time")
async def test_a_lost_tail_comes_within_the_repair_interval(settings: Settings) -> None:
    settings.HUB_REPAIR_INTERVAL = 0.05
    await relay.current.close()
    listener = Listener()
    await follow("room:1", listener)
    await store("room:1", "1", "2")
    await listener.got("1", "2")


@pytest.mark.slow
@pytest.mark.usefixtures("every_look_at_its_time")
async def test_one_query_per_turn_of_repair_whatever_the_number_of_channels(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        await follow(f"room:{number}", Listener())
    queries: list[int] = []
    real = streams.touched

    def counted(elapsed: float) -> list[tuple[str, Position]]:
        with CaptureQueriesContext(connection) as captured:
            found = real(elapsed)
        queries.append(len(captured))
        return found

    monkeypatch.setattr(streams, "touched", counted)
    settings.HUB_REPAIR_INTERVAL = 0.01
    # A relay with repair takes over the same channels.
    await relay.current.close()
    for number in range(30):
        await follow(f"room:{number}", Listener())
    await await_for(lambda: len(queries) >= 3, that="three turns of repair")
    assert set(queries) == {1}


async def test_an_offset_that_the_database_has_not_is_ignored(running: Any) -> None:
    listener = Listener()
    await follow("room:1", listener)
    (envelope,) = await store("room:1", "1")
    await running.group_send(group_name("room:1"), pack(envelope))
    await running.group_send(group_name("room:1"), pack(Envelope("room:1", envelope.epoch, 10**12, "claimed")))
    await listener.got("1")
    (second,) = await store("room:1", "2")
    await running.group_send(group_name("room:1"), pack(second))
    await listener.got("1", "2")


async def test_an_event_that_no_one_knows_is_ignored_and_the_relay_goes_on(running: Any) -> None:
    listener = Listener()
    await follow("room:1", listener)
    for message in ({"type": "hub.strange"}, {"type": "hub.publication"}, {"type": "hub.publication", "offset": "x"}):
        await running.group_send(group_name("room:1"), message)
    (envelope,) = await store("room:1", "1")
    await running.group_send(group_name("room:1"), pack(envelope))
    await listener.got("1")


async def test_ephemeral_publications_come_live_and_are_not_stored() -> None:
    listener = Listener()
    await follow("room:1", listener)
    await apublish_ephemeral("room:1", {"typing": True})
    await listener.got('{"typing":true}')
    assert await Publication.objects.acount() == 0


async def test_followers_come_back_when_the_history_is_another_one(running: Any) -> None:
    listener = Listener()
    await store("room:1", "1", "2")
    await follow("room:1", listener)
    await Publication.objects.all().adelete()
    await Stream.objects.all().adelete()
    (envelope,) = await store("room:1", "new")
    await running.group_send(group_name("room:1"), pack(envelope))
    await await_for(lambda: listener.restarts == 1, that="the follower is told to come back")
    assert listener.frames == []


async def test_followers_come_back_when_what_is_missing_is_no_longer_kept(running: Any) -> None:
    listener = Listener()
    await follow("room:1", listener)
    envelopes = await store("room:1", "1", "2", "3")
    await Publication.objects.filter(offset=1).adelete()
    await running.group_send(group_name("room:1"), pack(envelopes[2]))
    await await_for(lambda: listener.restarts == 1, that="the follower is told to come back")
    assert listener.frames == []


async def test_a_channel_without_followers_is_left_and_can_be_followed_again(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LINGER", 0.01)
    first, second = Listener(), Listener()
    subscription = await follow("room:1", first)
    assert relay.current().has_clients("room:1")
    assert not relay.current().has_clients("room:2")
    relay.current().unsubscribe(subscription)
    assert not relay.current().has_clients("room:1")
    with mock.patch.object(relay.current(), "loop") as loop:
        relay.current().unsubscribe(subscription)  # as every client does that leaves
    loop.call_later.assert_not_called()
    group = group_name("room:1")
    names = [group, f"{getattr(running, 'prefix', '')}__group__{group}"]
    await await_for(lambda: not any(running.groups.get(name) for name in names), that="the group is left")
    await follow("room:1", second)
    await apublish("room:1", {"n": 1})
    await second.got('{"n":1}')
    assert first.frames == []


@pytest.mark.slow
async def test_many_who_come_at_once_to_a_new_channel_all_get_the_first_publication() -> None:
    listeners = [Listener() for _ in range(50)]
    await asyncio.gather(*(follow("room:1", listener) for listener in listeners))
    await apublish("room:1", {"n": 1})
    for listener in listeners:
        await listener.got('{"n":1}')


async def test_one_who_follows_many_channels_gets_each_with_one_query_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[list[str]] = []
    real = streams.begin

    def counted(channels: list[str]) -> dict[str, Position]:
        asked.append(channels)
        return real(channels)

    await follow("room:0", Listener())
    await store("room:2", "1", "2")
    monkeypatch.setattr(streams, "begin", counted)
    listener = Listener()
    channels = [f"room:{number}" for number in range(4)]
    subscriptions = [Subscription(channel, listener, as_data) for channel in channels]
    await relay.current().attach(subscriptions)
    assert [subscription.local_channel.channel for subscription in subscriptions] == channels
    assert [subscription.start.offset for subscription in subscriptions] == [0, 0, 2, 0]
    assert all(subscription.start.epoch for subscription in subscriptions), "also where nothing was published yet"
    assert asked == [["room:1", "room:2", "room:3"]], "the first is open already"
    for subscription in subscriptions:
        subscription.release()
    for channel in channels:
        await apublish(channel, {"in": channel})
    await listener.got(*(f'{{"in":"{channel}"}}' for channel in channels))


@pytest.mark.slow
async def test_one_who_cannot_follow_all_follows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(channels: object) -> None:
        raise OperationalError("away")

    listener, other = Listener(), Listener()
    await follow("room:1", other)
    wanted = [Subscription(channel, listener, as_data) for channel in ("room:1", "room:2")]
    with monkeypatch.context() as patched, pytest.raises(OperationalError):
        patched.setattr(streams, "begin", fails)
        await relay.current().attach(wanted)
    await apublish("room:1", {"n": 1})
    await other.got('{"n":1}')
    assert listener.frames == []
    assert list(relay.current()._local_channels) == ["room:1"]
    await relay.current().attach(wanted)
    assert relay.current().subscribed() == {"room:1": 2, "room:2": 1}


@pytest.mark.slow
async def test_a_name_that_does_not_exist_is_no_harm_to_others_who_come_at_the_same_time() -> None:
    listener = Listener()
    wrong = relay.current().subscribe("no such channel", Listener(), as_data)
    failed, _ = await asyncio.gather(wrong, follow("room:1", listener), return_exceptions=True)
    assert isinstance(failed, UnknownChannel)
    await apublish("room:1", {"n": 1})
    await listener.got('{"n":1}')


@pytest.mark.slow
async def test_recovery_and_live_join_without_gap_or_repeat_while_publications_arrive() -> None:
    await store("room:1", *(f'{{"n":{number}}}' for number in range(20)))
    epoch = (await in_database_thread(streams.positions, ["room:1"]))["room:1"].epoch
    publishing = asyncio.create_task(_publish("room:1", range(20, 120)))
    listeners = []
    for offset in (0, 5, 20):
        listener = Listener()
        subscription = await relay.current().subscribe("room:1", listener, as_data)
        history = await missed(subscription, Position(epoch, offset))
        assert history is not None
        subscription.release(history)
        listeners.append((offset, listener))
    await publishing
    for offset, listener in listeners:
        await listener.got(*(f'{{"n":{number}}}' for number in range(offset, 120)))


async def _publish(channel: str, numbers: range) -> None:
    for number in numbers:
        await in_database_thread(publish, channel, {"n": number})


@pytest.mark.parametrize("case", ["another epoch", "no longer kept", "too far behind", "beyond the head"])
async def test_what_cannot_be_recovered_whole_is_not_recovered_at_all(case: str, settings: Settings) -> None:
    envelopes = await store("room:1", "1", "2", "3")
    epoch, since = envelopes[0].epoch, 1
    match case:
        case "another epoch":
            epoch = "ffffffff"
        case "no longer kept":
            await Publication.objects.filter(offset=2).adelete()
        case "too far behind":
            settings.HUB_RECOVERY_LIMIT = 1
        case "beyond the head":
            since = 4
    subscription = await relay.current().subscribe("room:1", Listener(), as_data)
    assert await missed(subscription, Position(epoch, since)) is None


def fail(layer: Any, methods: Iterable[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of ``methods`` that ``layer`` has, its own and those all layers have, raise from now on."""

    async def fails(*_: object) -> None:
        raise ConnectionError("away")

    for method in methods:
        if hasattr(layer, method):
            monkeypatch.setattr(layer, method, fails)


async def test_a_layer_that_fails_costs_neither_the_publication_nor_its_live_delivery_here(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()
    await follow("room:1", listener)
    fail(running, ("group_send", "group_send_many"), monkeypatch)
    await apublish("room:1", {"n": 1})
    await apublish_ephemeral("room:1", {"typing": True})
    await listener.got('{"n":1}', '{"typing":true}')


@pytest.mark.usefixtures("every_look_at_its_time")
async def test_a_layer_that_cannot_be_joined_does_not_keep_anybody_out(
    running: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_REPAIR_INTERVAL = 0.05
    await relay.current.close()
    listener = Listener()
    before = REGISTRY.get_sample_value("hub_failures_total", {"event": "broker_unavailable"}) or 0.0
    with monkeypatch.context() as patched:
        fail(running, ("group_add", "group_add_many"), patched)
        await follow("room:1", listener)
        assert relay.current()._not_joined
        assert (REGISTRY.get_sample_value("hub_failures_total", {"event": "broker_unavailable"}) or 0.0) > before
        await store("room:1", "1")
        await listener.got("1")
    # When the layer is back it is joined, so that ephemeral publications come again.
    await await_for(lambda: not relay.current()._not_joined, that="the group is joined")
    await running.group_send(group_name("room:1"), pack(Envelope("room:1", "", 0, "typing")))
    await listener.got("1", "typing")


async def test_a_message_that_cannot_be_read_is_counted_and_the_relay_keeps_its_channel(
    running: Any, redis_server: RedisServer
) -> None:
    if not isinstance(running, HubChannelLayer):
        pytest.skip("the in-memory layer carries objects, not bytes")
    listener = Listener()
    await follow("room:1", listener)
    receiver = relay.current()._receiver
    channels = list(running._get_layer().channels)
    for garbage in (b"", b"\xc1", b"not msgpack", b"\x81"):
        redis_server.client.publish(running._get_layer()._get_group_channel_name(group_name("room:1")), garbage)
    await apublish("room:1", {"n": 1})
    await listener.got('{"n":1}')
    (envelope,) = await store("room:1", "2")
    await running.group_send(group_name("room:1"), pack(envelope))
    await listener.got('{"n":1}', "2")
    assert relay.current()._receiver is receiver
    assert list(running._get_layer().channels) == channels
    assert len(channels) == 1


@pytest.mark.usefixtures("every_look_at_its_time")
async def test_what_was_published_while_nobody_could_look_is_repaired_however_long_that_was(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await follow("room:1", listener := Listener())
    await store("room:1", "1")
    await Stream.objects.all().aupdate(updated_at=Now() - timedelta(minutes=10))
    # As after ten minutes without a database, by the clock of this process.
    repairing = relay.current().catch_up
    clock = repairing.loop.time
    settings.HUB_REPAIR_INTERVAL = 0.05
    repairing.start()
    monkeypatch.setattr(repairing, "loop", _Later(repairing.loop, clock, 600))
    await listener.got("1")


class _Later:
    """An event loop whose clock is ahead."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Any, seconds: float) -> None:
        self._loop, self._clock, self._seconds = loop, clock, seconds

    def time(self) -> float:
        return float(self._clock() + self._seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)
