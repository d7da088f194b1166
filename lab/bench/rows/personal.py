"""Personal alerts: one background task tells many people, each something of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction

from lab.bench import machine
from lab.bench.clients import Fleet
from lab.bench.lines import BASELINE, HUB, LESS, Line, at_most, at_most_times
from lab.bench.run import Bench
from lab.bench.systems.baseline import Baseline
from lab.bench.systems.hub import SETTINGS, Hub

PEOPLE, TIMES, SIZE = 2_000, 5, 100

#: The stock application sends this many messages, each to another person, and its time is multiplied: it would take
#: half a minute for all, and each costs the same.
BASELINE_SENDS = 500


async def measure(bench: Bench) -> list[Line]:
    """Seconds until the last receipt: of the hub from handing the task to Celery, on SQLite and on PostgreSQL."""
    lines = []
    baseline: list[float] = []
    if BASELINE in bench.systems:
        baseline = await stock(bench)
    for database in ("SQLite", "PostgreSQL"):
        line = Line(
            "personal",
            f"{PEOPLE * TIMES:,} stored alerts to {PEOPLE:,} people, {database}",
            "s",
            LESS,
            {BASELINE: baseline},
            targets=(at_most(4), at_most_times(Fraction(1, 5), BASELINE)),
        )
        lines.append(line)
        if HUB in bench.systems:
            async with (
                database_named(database) as url,
                hub_with_worker(url, PEOPLE if url else 10_000) as hub,
                hub.fleet(PEOPLE) as fleet,
            ):
                with bench.watch(hub, line):
                    line.values[HUB] = []
                    for _ in range(bench.runs):
                        line.values[HUB].append(await tell_people(hub, fleet))
    return lines


async def tell_people(hub: Hub, fleet: Fleet) -> float:
    """One run: seconds from handing the task to Celery until the last of the fleet has its last alert."""
    fleet.received = 0
    task = await hub.publisher.ask("start_task", times=TIMES, people=PEOPLE, size=SIZE)
    await fleet.all_of(PEOPLE * TIMES)
    return (fleet.last_at - float(task["began"])) / 1e9


async def stock(bench: Bench) -> list[float]:
    """The stock application: each person's sockets are a group, and the backend sends to one after the other."""
    system = Baseline()
    groups = [f"person{number}" for number in range(PEOPLE)]
    values = []
    async with system.running(), system.fleet_at([system.endpoint(group) for group in groups]) as fleet:
        for _ in range(bench.runs):
            fleet.received = 0
            await system.settle()
            sent = await system.publisher.ask("personal", groups=groups[:BASELINE_SENDS], size=SIZE)
            await fleet.all_of(BASELINE_SENDS)
            values.append((fleet.last_at - sent["began"]) / 1e9 * PEOPLE * TIMES / BASELINE_SENDS)
    return values


@asynccontextmanager
async def hub_with_worker(url: str, people: int = 10_000, settings: str = SETTINGS) -> AsyncIterator[Hub]:
    """A hub with a worker on the database of this URL."""
    hub = Hub(worker=1, database_url=url, people=people, settings=settings)
    async with hub.running():
        yield hub


@asynccontextmanager
async def database_named(name: str) -> AsyncIterator[str]:
    """The URL of an empty database of this kind; empty for the SQLite of the system's folder."""
    if name == "SQLite":
        yield ""
        return
    from lab.harness.postgres import running_server

    with machine.on(machine.SERVER_CORE | machine.GENERATOR_CORE):
        server = running_server()
        url = server.__enter__()
    try:
        yield url
    finally:
        server.__exit__(None, None, None)
