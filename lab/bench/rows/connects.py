"""Connects: sockets as fast as they come, until all are subscribed."""

from lab.bench.clients import Fleet
from lab.bench.lines import BASELINE, MORE, Line, at_least, at_least_times
from lab.bench.run import Bench

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
                fleet = Fleet()
                await system.settle()
                with bench.watch(system, line):
                    took = await fleet.connect(endpoints, system.counter)
                line.values[system.name].append(len(endpoints) / took)
                await fleet.close()
    return [line]
