"""How many were sent publications as they came, and that counting them does not hold up the event loop."""

import asyncio
from random import Random

import pytest

from hub.fanout import received
from hub.fanout.local_channel import LocalChannel, ProcessSubscriber, Subscription
from hub.fanout.received import count_received
from hub.streams import Envelope, Position
from tests.hub.listeners import Listener, join


class Watched(LocalChannel):
    """Counts how often its subscriptions are looked at."""

    __slots__ = ("passes",)

    def __init__(self, channel: str, sent: int = 0) -> None:
        super().__init__(channel)
        self.passes = 0
        self.open(Position("e1", sent))

    def subscriptions(self) -> list[Subscription]:
        self.passes += 1
        return super().subscriptions()

    def send(self) -> None:
        self.offer(Envelope(self.channel, "e1", self.last + 1, "said"))
        self.flush()


def subscribe(channel: LocalChannel, listener: Listener | None = None) -> Listener:
    listener = Listener() if listener is None else listener
    join(channel, listener).release()
    return listener


async def test_those_count_whose_subscription_began_before_it() -> None:
    channel = Watched("room:1", sent=4)
    subscribe(channel)
    channel.send()
    subscribe(channel)
    channel.send()
    asked = [[("room:1", offset)] for offset in (4, 5, 6, 7)]
    assert await count_received({"room:1": channel}, asked) == [0, 1, 2, 0]


async def test_a_part_of_the_hub_is_nobody_who_received_something() -> None:
    class Part(ProcessSubscriber, Listener):
        pass

    channel = Watched("room:1")
    subscribe(channel, Part())
    channel.send()
    assert await count_received({"room:1": channel}, [[("room:1", 1)]]) == [0]


async def test_a_channel_that_nobody_has_open_came_to_nobody() -> None:
    assert await count_received({}, [[("room:1", 1)], []]) == [0, 0]


async def test_numbers_are_those_of_looking_at_each_subscription_and_publication() -> None:
    random = Random(11)
    channels = {f"room:{number}": Watched(f"room:{number}") for number in range(4)}
    listeners = [Listener() for _ in range(40)]
    for _ in range(30):
        for channel in channels.values():
            if random.random() < 0.5:
                channel.send()
            free = set(listeners) - {one.subscriber for one in channel.subscriptions()}
            if random.random() < 0.5:
                subscribe(channel, min(free, key=listeners.index))
    asked = [
        [(random.choice(list(channels)), random.randint(0, 35)) for _ in range(random.randint(0, 4))]
        for _ in range(60)
    ]
    expected = [
        len(
            {
                one.subscriber
                for name, offset in places
                for one in channels[name].subscriptions()
                if one.start.offset < offset <= channels[name].last
            }
        )
        for places in asked
    ]
    assert await count_received(channels, asked) == expected
    assert len(set(expected)) > 5


async def test_each_channel_is_passed_over_once_however_many_publications_are_asked_for() -> None:
    channel = Watched("everyone", sent=10)
    subscribe(channel)
    for _ in range(200):
        channel.send()
    assert (
        await count_received({"everyone": channel}, [[("everyone", 11 + number)] for number in range(200)])
        == [1] * 200
    )
    assert channel.passes == 1


@pytest.mark.parametrize("several", [1, 30], ids=["one of many channels", "many of two channels"])
async def test_event_loop_goes_on_while_many_are_counted(monkeypatch: pytest.MonkeyPatch, several: int) -> None:
    monkeypatch.setattr(received, "TURN", 10)
    number = 100 if several == 1 else 2
    channels = {f"room:{one}": Watched(f"room:{one}") for one in range(number)}
    for channel in channels.values():
        for _ in range(several):
            subscribe(channel)
        channel.send()
    counting = asyncio.ensure_future(count_received(channels, [[(name, 1) for name in channels]] * several))
    turns = 0
    while not counting.done():
        await asyncio.sleep(0)
        turns += 1
    assert counting.result() == [number * several] * several
    assert turns >= number * several / 10
