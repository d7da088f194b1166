"""Notify: one call after the other for single people on PostgreSQL, by one publisher and by eight."""

import asyncio
from contextlib import ExitStack
from typing import Any

from lab.bench.figures import percentile
from lab.bench.lines import HUB, LESS, MORE, Line
from lab.bench.processes import Process
from lab.bench.rows.personal import database_named
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub

CALLS, PUBLISHERS, PEOPLE = 400, 8, 2_000

DATABASE = "PostgreSQL"


async def measure(bench: Bench) -> list[Line]:
    """Milliseconds of a call, and calls a second of all publishers; each call is to another person."""
    alone = Line("notify", f"notify(to=user), one publisher, p50, {DATABASE}", "ms", LESS, {})
    together = Line("notify", f"notify(to=user), {PUBLISHERS} publishers, {DATABASE}", "calls/s", MORE, {})
    if HUB not in bench.systems:
        return [alone, together]
    async with database_named(DATABASE) as url:
        hub = Hub(database_url=url, people=PEOPLE)
        async with hub.running():
            with ExitStack() as ending:
                publishers = [hub.another_publisher(number) for number in range(PUBLISHERS)]
                for one in publishers:
                    ending.callback(one.stop)
                await asyncio.gather(*(one.ask("ready") for one in publishers))
                await _called(publishers, CALLS)  # not counted: the first calls make streams and connections
                for _ in range(bench.runs):
                    (single,) = await _called(publishers[:1], CALLS)
                    alone.values.setdefault(HUB, []).append(percentile(single["took"], 0.5))
                    with bench.watch(hub, together):
                        found = await _called(publishers, CALLS)
                    seconds = (max(each["ended"] for each in found) - min(each["began"] for each in found)) / 1e9
                    together.values.setdefault(HUB, []).append(len(publishers) * CALLS / seconds)
    return [alone, together]


async def _called(publishers: list[Process], calls: int) -> list[Any]:
    """What each publisher says of so many calls, at the same time."""
    asked = (one.ask("notify_each", calls=calls, first=number * 250) for number, one in enumerate(publishers))
    return list(await asyncio.gather(*asked))
