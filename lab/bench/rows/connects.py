"""Connects: sockets as fast as they come, until all are subscribed."""

from lab.bench.clients import Endpoint, Fleet
from lab.bench.lines import BASELINE, MORE, Line, at_least, at_least_times
from lab.bench.run import Bench
from lab.bench.systems.base import System

SOCKETS = 5_000

#: The stock application and socket.io let in no more per second when 5,000 come; the rest would only cost time.
FEWER = 1_000


async def measure(bench: Bench) -> list[Line]:
    """Sockets per second. Those of the hub come with a session each, of another person each; the others' with none."""
    line = Line(
        "connects",
        f"{SOCKETS:,} sockets, the hub's with a session",
        "sockets/s",
        MORE,
        {},
        targets=(at_least(2_000), at_least_times(2.5, BASELINE)),
    )
    for system in bench.chosen():
        async with system.running():
            endpoints = system.endpoints(FEWER if system.lets_in_slowly else SOCKETS)
            line.values[system.name] = []
            for _ in range(bench.runs):
                line.values[system.name].append(await connect(bench, system, endpoints, line))
    return [line]


async def connect(bench: Bench, system: System, endpoints: list[Endpoint], line: Line, name: str = "") -> float:
    """One run: how many of the sockets are let in a second. They end with it. ``name``: as for ``bench.watch()``."""
    fleet = Fleet()
    await system.settle()
    with bench.watch(system, line, name):
        took = await fleet.connect(endpoints, system.counter)
    await fleet.close()
    return len(endpoints) / took
