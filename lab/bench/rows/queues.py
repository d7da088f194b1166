"""Queues: from a call until an alert that a worker sends is on a socket, with nothing else to do, and while imports
fill the queue for large work.
"""

import asyncio

from lab.bench.clients import Fleet
from lab.bench.figures import percentile
from lab.bench.lines import HUB, LESS, Line, at_most_times
from lab.bench.rows.personal import database_named
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub

#: Alerts of a run, those before it that are not counted, and characters of each.
ALERTS, WARM, SIZE = 200, 20, 100

#: Seconds between a receipt and the next call.
PAUSE = 0.02

#: Imports that wait when the second part begins: more than are done until it ends.
IMPORTS = 2_500

#: The same hub with nothing else to do.
IDLE = "idle"

PEOPLE = 2_000


async def measure(bench: Bench) -> list[Line]:
    """Milliseconds from before ``delay()`` until the only socket has the frame; a worker for each queue."""
    lines: list[Line] = []
    for database in ("SQLite", "PostgreSQL"):
        what = f"alert by a worker, bulk queue full, {database}"
        measured = {
            share: Line("queues", f"{what}, p{share * 100:g}", "ms", LESS, {IDLE: []}) for share in (0.5, 0.99)
        }
        measured[0.99].targets = (at_most_times(3, IDLE),)
        lines += measured.values()
        if HUB in bench.systems:
            async with database_named(database) as url:
                await _measure(bench, url, measured)
    return lines


async def _measure(bench: Bench, url: str, lines: dict[float, Line]) -> None:
    hub = Hub(queues=("deliveries", "bulk"), database_url=url, people=PEOPLE)
    async with hub.running(), hub.fleet(1) as fleet:
        await _run(hub, fleet, WARM)
        idle = [await _run(hub, fleet, ALERTS) for _ in range(bench.runs)]
        await hub.publisher.ask("fill_bulk", count=IMPORTS)
        await _run(hub, fleet, WARM)
        full = []
        for _ in range(bench.runs):
            with bench.watch(hub, lines[0.99]):
                full.append(await _run(hub, fleet, ALERTS))
        left = (await hub.publisher.ask("bulk_left"))["left"]
    if not left:
        raise RuntimeError("All imports were done before the last alert was sent: it was not measured beside them.")
    for share, line in lines.items():
        line.values[IDLE] = [percentile(run, share) for run in idle]
        line.values[HUB] = [percentile(run, share) for run in full]
        line.notes[HUB] = f"{IMPORTS - left:,} imports were done meanwhile, {left:,} still waited"


async def _run(hub: Hub, fleet: Fleet, alerts: int) -> list[float]:
    took = []
    for _ in range(alerts):
        fleet.received = 0
        sent = await hub.publisher.ask("send_by_worker", size=SIZE)
        await fleet.all_of(1)
        took.append((fleet.last_at - sent["began"]) / 1e6)
        await asyncio.sleep(PAUSE)
    return took
