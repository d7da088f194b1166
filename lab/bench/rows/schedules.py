"""Schedules: ten thousand of them, of which beat sends each when it is due."""

import asyncio
import time

from lab.bench.figures import percentile
from lab.bench.lines import HUB, LESS, Line, at_most
from lab.bench.rows.personal import database_named
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub

SCHEDULES, PEOPLE = 10_000, 2_000

#: Due times that are measured: those of so many seconds, of ten minutes in which each schedule is due once.
SECONDS, EXPECTED = 60.0, 1_000

#: Schedules that are due in the same second.
AT_ONCE = 500

#: Seconds until they are over, at most.
LONGEST = 300.0


async def measure(bench: Bench) -> list[Line]:
    """Seconds from a due time until its alert is numbered and announced."""
    lines = []
    for database in ("SQLite", "PostgreSQL"):
        late = Line(
            "schedules", f"beat is late, of {SCHEDULES:,} schedules, p99, {database}", "s", LESS, {}, (at_most(1),)
        )
        together = Line("schedules", f"{AT_ONCE:,} due in the same second, until the last, {database}", "s", LESS, {})
        lines += [late, together]
        if HUB not in bench.systems:
            continue
        async with database_named(database) as url:
            hub = Hub(beat=True, database_url=url, people=PEOPLE)
            async with hub.running():
                with bench.watch(hub, late):
                    found = await _spread(hub)
                late.values[HUB] = [percentile(found, 0.99)]
                late.notes[HUB] = (
                    f"{len(found):,} due times, p50 {percentile(found, 0.5):.3f} s, last {max(found):.3f} s"
                )
                together.values[HUB] = [max(await _together(hub))]
    return lines


async def _spread(hub: Hub) -> list[float]:
    """How late those were that were due in the first minute."""
    await hub.publisher.ask("make_schedules", count=SCHEDULES, people=PEOPLE)
    await asyncio.sleep(SECONDS)
    return await _sent(hub, EXPECTED)


async def _together(hub: Hub) -> list[float]:
    """How late those were that were due in one second."""
    due = (await hub.publisher.ask("schedules_at_once", count=AT_ONCE, people=PEOPLE))["due"]
    return await _sent(hub, AT_ONCE, due)


async def _sent(hub: Hub, count: int, due: float | None = None) -> list[float]:
    """How late the first ``count`` due times were, or those of the second ``due``; raises where one was not sent."""
    before = 0 if due is None else (await hub.publisher.ask("schedules_over"))["over"]
    deadline = time.monotonic() + LONGEST
    # Seldom: who asks has the core of beat.
    while (over := (await hub.publisher.ask("schedules_over"))["over"] - before) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{over} of {count} due times are over")
        await asyncio.sleep(2)
    everything = sorted((await hub.publisher.ask("schedules_sent"))["sent"])
    found = [late for moment, late in everything if due is None or moment == due][:count]
    if len(found) < count or min(found) < 0:
        raise RuntimeError(f"{sum(late >= 0 for late in found)} of {count} due times were sent")
    return found
