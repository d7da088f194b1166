"""Schedules: ten thousand of them, of which beat sends each when it is due."""

import asyncio

from lab.bench.figures import percentile
from lab.bench.lines import HUB, LESS, Line, at_most
from lab.bench.rows.personal import database_named
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub
from lab.harness.waiting import await_for

SCHEDULES, PEOPLE = 10_000, 2_000

#: Due times that are measured: those of so many seconds, of ten minutes in which each schedule is due once.
SECONDS, EXPECTED = 60.0, 1_000

#: Schedules that are due in the same second.
AT_ONCE = 1_000


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
    """How late those were that were due in the first minute; raises where one was not sent."""
    await hub.publisher.ask("make_schedules", count=SCHEDULES, people=PEOPLE)
    await asyncio.sleep(SECONDS)
    return await _sent(hub, EXPECTED)


async def _together(hub: Hub) -> list[float]:
    due = (await hub.publisher.ask("schedules_at_once", count=AT_ONCE, people=PEOPLE))["due"]
    return await _sent(hub, AT_ONCE, due)


async def _sent(hub: Hub, count: int, due: float | None = None) -> list[float]:
    """The first ``count`` due times, or those of the second ``due``, when they are over."""

    async def over() -> list[list[float]] | None:
        all_of_them = sorted((await hub.publisher.ask("schedules_sent"))["sent"])
        found = [one for one in all_of_them if due is None or one[0] == due]
        return found[:count] if len(found) >= count else None

    found: list[list[float]] = await await_for(over, timeout=120, that=f"{count} due times are over")
    if missed := sum(late < 0 for _, late in found):
        raise RuntimeError(f"{missed} of {count} due times were not sent")
    return [late for _, late in found]
