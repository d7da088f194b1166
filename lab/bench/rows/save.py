"""Save to browser: from ``Model.save()`` in one process to the frame on a socket, on an idle machine."""

import asyncio

from lab.bench.figures import percentile
from lab.bench.lines import HUB, LESS, Line, Target, at_most
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub

SAVES, WARM = 200, 10

#: Seconds between a receipt and the next save.
PAUSE = 0.005

TARGETS: dict[float, Target] = {0.5: at_most(8), 0.99: at_most(25)}


async def measure(bench: Bench) -> list[Line]:
    """Milliseconds from before ``save()`` until the only socket has the frame."""
    if HUB not in bench.systems:
        return []
    lines = {
        share: Line("save", f"Model.save() with a rule to a socket, p{share * 100:g}", "ms", LESS, {}, (target,))
        for share, target in TARGETS.items()
    }
    system = Hub()
    async with system.running(), system.fleet(1) as fleet:
        runs = []
        for _ in range(bench.runs):
            run = []
            for number in range(WARM + SAVES):
                fleet.received = 0
                saved = await system.publisher.ask("save")
                await fleet.all_of(1)
                if number >= WARM:
                    run.append((fleet.last_at - saved["began"]) / 1e6)
                await asyncio.sleep(PAUSE)
            runs.append(run)
    for share, line in lines.items():
        line.values[HUB] = [percentile(run, share) for run in runs]
    return list(lines.values())
