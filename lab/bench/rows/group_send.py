"""group_send: the call of Channels' tutorials from a task, and how long it takes until each of many sockets has it."""

from lab.bench.figures import percentile
from lab.bench.lines import BASELINE, HUB, LESS, Line, Target, at_most_times
from lab.bench.rows.one_alert import latencies
from lab.bench.run import Bench
from lab.bench.systems.base import System
from lab.bench.systems.baseline import Baseline
from lab.bench.systems.hub import Hub

SOCKETS, EVENTS = 2_000, 20

#: The stock application takes about half a second for each.
BASELINE_EVENTS = 3

#: To the publisher of either system.
COMMAND = "from_task"

#: The stock application is ten times slower at least.
TARGETS: dict[float, Target] = {0.5: at_most_times(0.1, BASELINE), 0.99: at_most_times(0.1, BASELINE)}


async def measure(bench: Bench) -> list[Line]:
    """Milliseconds until a socket has the event.

    From before ``delay()`` of the hub's task; from before the call itself in the stock application: it has no worker.
    """
    lines = {
        share: Line(
            "group-send", f"from a task to {SOCKETS:,} sockets, p{share * 100:g}", "ms", LESS, {}, targets=(target,)
        )
        for share, target in TARGETS.items()
    }
    for system in (Hub(worker=1), Baseline()):
        if system.name in bench.systems:
            await _measure(bench, system, lines)
    return list(lines.values())


async def _measure(bench: Bench, system: System, lines: dict[float, Line]) -> None:
    async with system.running(), system.fleet(SOCKETS) as fleet:
        await latencies(system, fleet, 1, COMMAND)  # not counted
        runs = []
        for _ in range(bench.runs):
            await system.settle()
            with bench.watch(system, lines[0.5]):
                count = EVENTS if system.name == HUB else BASELINE_EVENTS
                runs.append(await latencies(system, fleet, count, COMMAND))
    for share, line in lines.items():
        line.values[system.name] = [percentile(run, share) for run in runs]
