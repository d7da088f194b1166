"""Idle memory: what a socket costs that does nothing."""

import asyncio

from lab.bench import machine
from lab.bench.lines import BASELINE, LESS, Line, at_most
from lab.bench.run import Bench
from lab.bench.systems.base import System

SOCKETS = 10_000

#: The stock application needs ten seconds for 10,000, and each costs the same.
BASELINE_SOCKETS = 2_000

#: Sockets that come and go before the empty process is weighed: code is loaded, pools have their threads.
WARM = 50

#: Seconds in which what is let go after the handshake is let go.
SETTLE = 0.5


async def measure(bench: Bench) -> list[Line]:
    """KiB of resident memory per socket in the processes that serve sockets, above the same processes when empty.

    Taken once: ten thousand sockets are a mean already.
    """
    line = Line(
        "memory",
        f"per idle socket at {SOCKETS:,}, the hub's each another signed-in person",
        "KiB",
        LESS,
        {},
        targets=(at_most(16),),
    )
    for system in bench.chosen():
        async with system.running():
            line.values[system.name] = [await per_socket(bench, system, line)]
    return [line]


async def per_socket(bench: Bench, system: System, line: Line) -> float:
    """KiB per socket; what the rest of the process is goes into the line's notes."""
    sockets = BASELINE_SOCKETS if system.name == BASELINE else SOCKETS
    async with system.fleet(WARM):
        pass
    await _settle(system)
    empty = weigh(system)
    with bench.watch(system, line):
        async with system.fleet(sockets) as fleet:
            await _settle(system)
            full, lost = weigh(system), fleet.lost
    per = {kind: (full[kind] - empty[kind]) / sockets / 1024 for kind in full}
    line.notes[system.name] = (
        f"empty {empty['rss'] / 2**20:.1f} MiB, full {full['rss'] / 2**20:.1f} MiB resident; per socket "
        + ", ".join(f"{kind} {value:.2f} KiB" for kind, value in per.items())
        + (f"; {lost} sockets were lost" if lost else "")
    )
    return per["rss"]


async def _settle(system: System) -> None:
    await system.settle()
    await asyncio.sleep(SETTLE)


def weigh(system: System) -> dict[str, int]:
    """The memory of all processes of the system that serve sockets, in bytes."""
    found = [machine.memory(pid) for pid in system.server_pids()]
    return {kind: sum(one[kind] for one in found) for kind in found[0]}
