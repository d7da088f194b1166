"""Keys: the rows connects and personal with people whose keys are UUIDs, beside the same with integers, in turns."""

from contextlib import AsyncExitStack

from lab.bench.lines import HUB, LESS, MORE, Line, at_least_times, at_most_times
from lab.bench.rows.connects import SOCKETS, connect
from lab.bench.rows.personal import PEOPLE, TIMES, database_named, hub_with_worker, tell_people
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub

INTEGERS = "integers"

#: Nothing but the keys of people tells the two apart.
SETTINGS = {HUB: "lab.bench.people.uuid_settings", INTEGERS: "lab.bench.people.integer_settings"}

#: Turns for each of the bench's runs: what is looked for is smaller than what two equal runs differ by.
TURNS = 3


async def measure(bench: Bench) -> list[Line]:
    """Sockets per second, and seconds until the last receipt; the hub's column has UUIDs."""
    connects = Line(
        "keys",
        f"{SOCKETS:,} sockets, people with UUIDs, SQLite",
        "sockets/s",
        MORE,
        {HUB: [], INTEGERS: []},
        targets=(at_least_times(0.95, INTEGERS),),
    )
    lines = [connects]
    for database in ("SQLite", "PostgreSQL") if HUB in bench.systems else ():
        personal = Line(
            "keys",
            f"{PEOPLE * TIMES:,} stored alerts to {PEOPLE:,} people with UUIDs, {database}",
            "s",
            LESS,
            {HUB: [], INTEGERS: []},
            targets=(at_most_times(1.05, INTEGERS),),
        )
        lines.append(personal)
        async with AsyncExitStack() as both:
            hubs: dict[str, Hub] = {}
            for name, settings in SETTINGS.items():
                url = await both.enter_async_context(database_named(database))
                hubs[name] = await both.enter_async_context(hub_with_worker(url, settings=settings))
            for _ in range(TURNS * bench.runs if database == "SQLite" else 0):
                for name, hub in hubs.items():
                    connects.values[name].append(await connect(bench, hub, hub.endpoints(SOCKETS), connects, name))
            fleets = {name: await both.enter_async_context(hub.fleet(PEOPLE)) for name, hub in hubs.items()}
            for _ in range(TURNS * bench.runs):
                for name, hub in hubs.items():
                    with bench.watch(hub, personal, name):
                        personal.values[name].append(await tell_people(hub, fleets[name]))
    return lines
