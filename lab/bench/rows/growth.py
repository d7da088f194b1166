"""Growth: what more sockets and more web processes change."""

import re
from pathlib import Path

from lab.bench.figures import median, readable
from lab.bench.lines import HUB, LESS, MORE, Line, Target, at_least
from lab.bench.rows.burst import PUBLICATIONS, burst
from lab.bench.run import Bench
from lab.bench.systems.base import ask_redis
from lab.bench.systems.hub import Hub

#: By number of web processes.
SOCKETS = {1: (1_000, 4_000, 10_000), 2: (1_000, 4_000, 10_000)}

#: Bursts for each run of the bench: one is over within a fraction of a second, and two differ more than sizes do.
BURSTS = 2

#: Commands of the bench itself, of connections and of health checks.
_NOT_COUNTED = {"info", "ping", "quit", "client", "hello", "select"}


async def measure(bench: Bench) -> list[Line]:
    """Deliveries per second and Redis commands per publication at each size, and how both change."""
    if HUB not in bench.systems:
        return []
    lines: list[Line] = []
    for processes, sizes in SOCKETS.items():
        rates, commands = [], []
        system = Hub(web_processes=processes)
        async with system.running():
            for sockets in sizes:
                line = Line("growth", f"{sockets:,} sockets, {_plural(processes)}", "deliveries/s", MORE, {})
                async with system.weighing_fleet(sockets) as fleet:
                    await burst(system, fleet, 2)
                    before = await _commands(system.folder)
                    count = bench.runs * BURSTS
                    with bench.watch(system, line):
                        line.values[HUB] = [await burst(system, fleet, PUBLICATIONS) for _ in range(count)]
                    spent = await _commands(system.folder) - before
                rates.append(median(line.values[HUB]))
                commands.append(spent / PUBLICATIONS / count)
                lines.append(line)
        lines += _changes(processes, sizes, rates, commands)
    return lines


def _changes(processes: int, sizes: tuple[int, ...], rates: list[float], commands: list[float]) -> list[Line]:
    where = f"{sizes[-1]:,} sockets, of that at {sizes[0]:,}, {_plural(processes)}"
    steps = ", ".join(
        f"{readable(count)} at {sockets:,} sockets" for sockets, count in zip(sizes, commands, strict=True)
    )
    return [
        Line("growth", f"deliveries/s at {where}", "%", MORE, {HUB: [rates[-1] / rates[0] * 100]}, (at_least(80),)),
        Line(
            "growth",
            f"Redis commands per publication at {sizes[-1]:,} sockets, {_plural(processes)}",
            "commands",
            LESS,
            {HUB: [commands[-1]]},
            # A command now and then is the presence lease's and the health check's.
            (Target(f"as at {sizes[0]:,}", lambda line: abs(commands[-1] - commands[0]) < 0.2),),
            notes={HUB: f"{_plural(processes)}: {steps}"},
        ),
    ]


async def _commands(folder: Path) -> int:
    """Commands that the hub's Redis has processed so far."""
    text = (await ask_redis(folder / "redis.sock", "INFO commandstats")).decode()
    return sum(
        int(calls) for name, calls in re.findall(r"cmdstat_([^:]+):calls=(\d+)", text) if name not in _NOT_COUNTED
    )


def _plural(processes: int) -> str:
    return "1 web process" if processes == 1 else f"{processes} web processes"
