"""How often catch-up looks, and what it says of what it has seen."""

import itertools
import threading
import time
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from hub import streams
from hub.database.threads import in_database_thread
from hub.fanout import catch_up, relay
from hub.models import Stream
from hub.ops import metrics
from hub.streams import Position, cursors
from lab.harness.waiting import await_for
from tests.hub.listeners import Listener, follow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def every_look_at_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repair spares a slow database, which one of a busy machine is."""
    monkeypatch.setattr(catch_up, "SHARE", 0.0)


def store() -> None:
    """A publication that nobody announces."""
    streams.append([("room:1", '{"type":"test.happened"}')])
    streams.sequence(["room:1"])


@pytest.mark.slow
@pytest.mark.usefixtures("every_look_at_its_time")
async def test_the_relay_marks_what_it_has_delivered_and_not_while_something_is_missing(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.HUB_REPAIR_INTERVAL = 0.05
    marked: list[float] = []
    monkeypatch.setattr(cursors, "mark_delivered", marked.append)
    looks: list[float] = []
    touched = streams.touched

    def counted(elapsed: float) -> list[tuple[str, Position]]:
        looks.append(elapsed)
        return touched(elapsed)

    monkeypatch.setattr(streams, "touched", counted)
    listener = Listener()
    subscription = await follow("room:1", listener)
    await await_for(lambda: len(marked) > 3, that="the mark moves")
    with monkeypatch.context() as patched:
        patched.setattr(catch_up.CatchUp, "read", lambda *arguments, **options: None)
        await in_database_thread(store)
        await await_for(lambda: subscription.local_channel.known == 1, that="catch-up has seen what is missing")
        marked.clear()
        seen = len(looks)
        await await_for(lambda: len(looks) > seen + 5, that="it looks several times")
        assert marked == []
    await listener.got('{"type":"test.happened"}')
    await await_for(lambda: marked, that="the mark moves again")


async def test_what_arrives_while_a_channel_waits_for_its_turn_is_not_read(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Thousands are told something: what they seem to miss at the look of catch-up is on its way to them."""
    settings.HUB_REPAIR_INTERVAL = 0
    *channels, last = [f"room:{number}" for number in range(21)]
    listeners = {channel: Listener() for channel in [*channels, last]}
    followed = {channel: await follow(channel, listener) for channel, listener in listeners.items()}
    await in_database_thread(streams.append, [(channel, '{"type":"test.happened"}') for channel in listeners])
    arriving = await in_database_thread(streams.sequence, list(listeners))
    read, may_go_on, begin = set[str](), threading.Event(), streams.begin

    def slow(names: list[str]) -> dict[str, Position]:
        read.update(names)
        may_go_on.wait(30)
        return begin(names)

    monkeypatch.setattr(streams, "begin", slow)
    for subscription in followed.values():
        subscription.local_channel.known = 1
        relay.current().catch_up.read(subscription.local_channel, "tail")
    await await_for(lambda: len(read) == catch_up.CHANNELS_AT_ONCE, that="the first are read")
    for envelope in arriving:
        if envelope.channel != last:
            relay.current().deliver(envelope)
    may_go_on.set()
    for listener in listeners.values():
        await listener.got('{"type":"test.happened"}', timeout=30.0)
    assert len(read) == catch_up.CHANNELS_AT_ONCE + 1 and last in read


@pytest.mark.slow
async def test_catch_up_leaves_a_slow_database_in_peace_and_is_quick_again_with_it(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.HUB_REPAIR_INTERVAL = 0.02
    looks: list[float] = []
    delay = 0.0
    touched = streams.touched

    def slow(elapsed: float) -> list[tuple[str, Position]]:
        looks.append(time.monotonic())
        time.sleep(delay)
        return touched(elapsed)

    def pause() -> float:
        return next(iter(metrics.REPAIR_PAUSE.collect())).samples[0].value

    monkeypatch.setattr(streams, "touched", slow)
    await follow("room:1", Listener())
    # Long waits: the database of a busy machine is slow by itself.
    await await_for(lambda: len(looks) > 5, timeout=30, that="it looks")
    delay = 0.05
    seen = len(looks)
    await await_for(lambda: len(looks) > seen + 3, timeout=30, that="it looks, but slowly")
    slowly = [later - earlier for earlier, later in itertools.pairwise(looks[seen + 1 :])]
    # Ten times what the database took, less the jitter.
    assert min(slowly) > 0.4
    assert pause() > 0.45
    delay = 0.0
    seen = len(looks)
    await await_for(lambda: len(looks) > seen + 10 and pause() < 0.4, timeout=30, that="it looks as often as before")


def test_the_pause_of_catch_up_has_a_bound() -> None:
    assert all(catch_up.pause(took) <= 30 for took in (0.0, 2.0, 100.0))


@pytest.mark.usefixtures("every_look_at_its_time")
async def test_clock_that_is_set_ahead_hides_nothing_that_was_not_announced(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.HUB_REPAIR_INTERVAL = 0.05
    listener = Listener()
    await follow("room:1", listener)

    def store_before_the_jump() -> None:
        with transaction.atomic():
            store()
            Stream.objects.update(updated_at=Now() - timedelta(hours=1))

    await in_database_thread(store_before_the_jump)
    before = time.time
    monkeypatch.setattr("hub.fanout.catch_up.time.time", lambda: before() + 3600)
    await listener.got('{"type":"test.happened"}')
