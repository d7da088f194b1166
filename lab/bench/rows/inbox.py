"""Inbox: the first part of the inbox of somebody who has a hundred thousand notifications among a million."""

from lab.bench.figures import percentile
from lab.bench.lines import HUB, LESS, Line, at_most
from lab.bench.rows.personal import database_named
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub

NOTIFICATIONS, READINGS, PEOPLE = 1_000_000, 300, 2_000

DATABASE = "PostgreSQL"


async def measure(bench: Bench) -> list[Line]:
    """Milliseconds in a process that is no server, from the call until rows and counts are there."""
    line = Line(
        "inbox",
        f"first page with counts, 100,000 of {NOTIFICATIONS:,}, p50, {DATABASE}",
        "ms",
        LESS,
        {},
        (at_most(6),),
    )
    if HUB not in bench.systems:
        return [line]
    hub = Hub(people=PEOPLE)
    async with database_named(DATABASE) as url:
        hub.database_url = url
        async with hub.running():
            await hub.publisher.ask("fill_inbox", count=NOTIFICATIONS)
            await hub.publisher.ask("read_inbox", times=20)  # not counted: what is read first comes from the disk
            runs = [await hub.publisher.ask("read_inbox", times=READINGS) for _ in range(bench.runs)]
    line.values[HUB] = [percentile(run["took"], 0.5) for run in runs]
    return [line]
