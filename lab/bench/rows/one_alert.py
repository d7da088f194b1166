"""One alert: a publication now and then to many sockets, and how long it takes until each has it."""

import asyncio
import time

from lab.bench.clients import Fleet
from lab.bench.figures import percentile
from lab.bench.lines import BASELINE, LESS, Line, Target, at_most_times
from lab.bench.run import Bench
from lab.bench.systems.base import System

SOCKETS, PUBLICATIONS, SIZE = 5_000, 5, 100

#: The stock application takes about a second for each; one to a run, so that it is never busy with the one before.
BASELINE_PUBLICATIONS = 1

#: Seconds from one publication to the next, unless the one before has not arrived everywhere.
INTERVAL = 0.3

#: A peer is compared by the same percentile; the stock application has no target.
TARGETS: dict[float, Target] = {0.5: at_most_times(1.3, "nchan"), 0.99: at_most_times(2.5, "nchan")}


async def measure(bench: Bench) -> list[Line]:
    """Milliseconds from before the publisher's call until a socket of the load generator has the frame."""
    lines = {
        share: Line(
            "one alert",
            f"to {SOCKETS:,} sockets, p{share * 100:g}",
            "ms",
            LESS,
            {},
            targets=(target,),
        )
        for share, target in TARGETS.items()
    }
    for system in bench.chosen():
        async with system.running(), system.fleet(SOCKETS) as fleet:
            count = BASELINE_PUBLICATIONS if system.name == BASELINE else PUBLICATIONS
            if system.name != BASELINE:
                await latencies(system, fleet, 1)  # not counted
            runs = []
            for _ in range(bench.runs):
                await system.settle()
                with bench.watch(system, lines[0.5]):
                    runs.append(await latencies(system, fleet, count))
        for share, line in lines.items():
            line.values[system.name] = [percentile(run, share) for run in runs]
    return list(lines.values())


async def latencies(system: System, fleet: Fleet, publications: int, command: str = "one") -> list[float]:
    """The milliseconds of every receipt of one run, in which the publisher is given ``command`` so many times."""
    found: list[float] = []
    for _ in range(publications):
        due = time.monotonic() + INTERVAL
        fleet.received, fleet.stamps = 0, []
        published = await system.publisher.ask(command, size=SIZE)
        await fleet.all_of(len(fleet.sockets))
        found += [(at - published["began"]) / 1e6 for at in fleet.stamps]
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    fleet.stamps = None
    return found
