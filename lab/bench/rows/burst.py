"""Burst fan-out: publications back to back to many sockets on one channel."""

from lab.bench.clients import Fleet
from lab.bench.lines import BASELINE, HUB, MORE, Line, at_least_times
from lab.bench.run import Bench
from lab.bench.systems.base import System

SOCKETS, PUBLICATIONS, SIZE = 2_000, 200, 100

#: How many the slow ones are sent: their rate is the same with few and with many. The stock application would take two
#: minutes for 200, and loses what is above its layer's capacity of 100 messages.
FEWER = {BASELINE: 3, "socket.io": 50}


async def measure(bench: Bench) -> list[Line]:
    """Deliveries per second, from the publisher's start until the last receipt."""
    line = Line(
        "burst",
        f"{PUBLICATIONS} publications to {SOCKETS:,} sockets",
        "deliveries/s",
        MORE,
        {},
        targets=(at_least_times(200, BASELINE), at_least_times(2, "nchan"), at_least_times(1, "nats")),
    )
    separate = Line(
        "burst",
        "the same, each in a transaction of its own",
        "deliveries/s",
        MORE,
        {},
    )
    for system in bench.chosen():
        count = FEWER.get(system.name, PUBLICATIONS)
        async with system.running(), system.weighing_fleet(SOCKETS) as fleet:
            await burst(system, fleet, 1)  # not counted
            line.values[system.name] = []
            for _ in range(bench.runs):
                await system.settle()
                with bench.watch(system, line):
                    line.values[system.name].append(await burst(system, fleet, count))
            if system.name == HUB:
                separate.values[HUB] = [await burst(system, fleet, count, "one_by_one") for _ in range(bench.runs)]
    return [line, separate]


async def burst(system: System, fleet: Fleet, publications: int, command: str = "burst") -> float:
    """One burst to a :meth:`System.weighing_fleet`; returns deliveries per second. Raises ``TooFew`` on a loss."""
    fleet.received = 0
    for socket in fleet.sockets:
        socket.weight = 0
    published = await system.publisher.ask(command, count=publications, size=SIZE)
    if system.same_bytes:
        await fleet.all_weigh_like_the_first(publications)
    else:
        await fleet.all_of(publications * len(fleet.sockets))
    began: int = published["began"]
    return publications * len(fleet.sockets) / (fleet.last_at - began) * 1e9
