"""Fan-out: one notification to all of fifty thousand people, of whom two thousand are connected."""

from typing import Any

from lab.bench.lines import HUB, LESS, Line, at_most
from lab.bench.rows.personal import database_named, hub_with_worker
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub
from lab.harness.waiting import await_for

PEOPLE, CONNECTED, SIZE = 50_000, 2_000, 100

#: Seconds that it may take until all is stored, by database.
STORED = {"SQLite": 8, "PostgreSQL": 6}

#: Seconds until all must have it: a distribution that cannot go on never finishes.
LONGEST = 120.0


async def measure(bench: Bench) -> list[Line]:
    """Times in the caller, until the last connected person has it and until all is stored, and the place it takes.

    The first notification makes the streams of all people; it is measured too, and is one run of several.
    """
    lines = []
    for name, stored in STORED.items():
        named, queryset, received, finished, place = (
            Line("fanout", f"{what}, {PEOPLE:,} people, {name}", unit, LESS, {}, targets=(target,))
            for what, unit, target in (
                ("notify(to=MEMBERS), in the caller", "ms", at_most(20)),
                ("notify(to=queryset), in the caller", "ms", at_most(200)),
                (f"until the last of {CONNECTED:,} connected has it", "s", at_most(2)),
                ("until all is stored", "s", at_most(stored)),
                ("disk for each person", "bytes", at_most(200)),
            )
        )
        lines += [named, queryset, received, finished, place]
        if HUB not in bench.systems:
            continue
        async with (
            database_named(name) as url,
            hub_with_worker(url, people=PEOPLE) as hub,
            hub.fleet(CONNECTED) as fleet,
        ):
            await _told(hub, fleet, named=False)
            for _ in range(bench.runs):
                before = (await hub.publisher.ask("vacuumed"))["bytes"]
                with bench.watch(hub, finished):
                    told = await _told(hub, fleet, named=True)
                _add(named, (told["ended"] - told["began"]) / 1e6)
                _add(received, (fleet.last_at - told["began"]) / 1e9)
                _add(finished, (told["at"] - told["began"]) / 1e9)
                _add(place, (told["bytes"] - before) / PEOPLE)
                told = await _told(hub, fleet, named=False)
                _add(queryset, (told["ended"] - told["began"]) / 1e6)
    return lines


async def _told(hub: Hub, fleet: Any, *, named: bool) -> dict[str, int]:
    """Tell all, and wait until all have it; raises where somebody is left out."""
    fleet.received = 0
    told: dict[str, int] = await hub.publisher.ask("notify_all", named=named, size=SIZE)
    await fleet.all_of(CONNECTED)

    async def finished() -> dict[str, int] | None:
        state: dict[str, int] = await hub.publisher.ask("distributed", notification=told["id"])
        return state if state["finished"] else None

    state: dict[str, int] = await await_for(finished, timeout=LONGEST, that="all have it")
    if state["reached"] != PEOPLE:
        raise RuntimeError(f"{state['reached']} of {PEOPLE} people have it")
    return {**told, **state}


def _add(line: Line, value: float) -> None:
    line.values.setdefault(HUB, []).append(value)
