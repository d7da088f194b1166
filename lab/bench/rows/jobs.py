"""Jobs: a thousand that say a hundred times each how far they are, five people who watch, and plain tasks beside."""

import json

from lab.bench.clients import Endpoint, Fleet, Reader
from lab.bench.frames import client_frame
from lab.bench.lines import HUB, LESS, Line, at_most_times
from lab.bench.rows.hub_socket import PATH
from lab.bench.rows.personal import database_named
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub
from lab.harness.waiting import await_for

JOBS, WATCHERS, PEOPLE, AT_A_TIME = 1_000, 5, 2_000, 4

#: Jobs that the publisher starts before it answers.
AT_ONCE = 100

#: The same steps as a task of Celery that tells nobody.
PLAIN = "plain Celery"

#: Seconds until the last has ended, at most.
LONGEST = 600.0


async def measure(bench: Bench) -> list[Line]:
    """Seconds from the first call until the last has ended: of plain tasks, then of jobs."""
    lines = []
    for database in ("SQLite", "PostgreSQL"):
        what = f"{JOBS:,} jobs of 100 steps and reports each, {WATCHERS} watchers, {database}"
        line = Line("jobs", what, "s", LESS, {PLAIN: []}, targets=(at_most_times(1.15, PLAIN),))
        lines.append(line)
        if HUB not in bench.systems:
            continue
        async with database_named(database) as url:
            hub = Hub(worker=AT_A_TIME, database_url=url, people=PEOPLE)
            async with hub.running():
                watch = await _Watch.begin(hub)
                line.values[HUB] = []
                for _ in range(bench.runs):
                    line.values[PLAIN].append(await _took(hub, told=False))
                    with bench.watch(hub, line):
                        line.values[HUB].append(await _took(hub, told=True))
                    await watch.all_ended(JOBS)
                each = (sum(line.values[HUB]) - sum(line.values[PLAIN])) / bench.runs / JOBS
                line.notes[HUB] = f"{each * 1000:.1f} ms more for each job; {watch}"
                await watch.end()
    return lines


async def _took(hub: Hub, *, told: bool) -> float:
    parts = [
        await hub.publisher.ask("start_steps", first=first, count=AT_ONCE, told=told)
        for first in range(0, JOBS, AT_ONCE)
    ]
    began: int = parts[0]["began"]

    async def ended() -> dict[str, int] | None:
        state: dict[str, int] = await hub.publisher.ask("steps_ended")
        return state if state["done"] >= JOBS and not state["open"] else None

    state: dict[str, int] = await await_for(ended, timeout=LONGEST, that="the last has ended")
    return (state["at"] - began) / 1_000_000_000


class _Watch:
    """Open pages of the person who has started the jobs, on the client connection."""

    def __init__(self) -> None:
        self.ended = [0] * WATCHERS
        self.progress = [0] * WATCHERS
        self.fleet = Fleet()

    @classmethod
    async def begin(cls, hub: Hub) -> "_Watch":
        """Subscribed to the person's jobs."""
        made = cls()
        channel = (await hub.publisher.ask("jobs_channel"))["channel"]
        commands = ({"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": channel}})
        hello = tuple(client_frame(json.dumps(command).encode()) for command in commands)
        endpoint = Endpoint(hub.port, PATH, headers=hub.endpoint(0).headers, hello=hello, ready=b'"id":2,"subscribe"')
        await made.fleet.connect([endpoint] * WATCHERS, lambda fleet, number: Reader(fleet, number, made._take))
        return made

    def _take(self, number: int, text: bytes, at: int) -> None:
        if text == b"{}":  # the protocol's own ping
            self.fleet.sockets[number].send(b"{}")
        self.ended[number] += text.count(b'"state":"succeeded"')
        self.progress[number] += text.count(b"worker.job_progressed")

    async def all_ended(self, jobs: int) -> None:
        """Each page has heard of so many ends; raises where one has not."""
        await await_for(lambda: min(self.ended) >= jobs or None, timeout=10, that="each page hears of each end")
        if self.ended != [jobs] * WATCHERS or self.fleet.lost:
            raise RuntimeError(f"{self.ended} of {jobs} ends were heard of; {self.fleet.lost} pages were closed")
        self.ended = [0] * WATCHERS

    async def end(self) -> None:
        """Close the pages."""
        await self.fleet.close()

    def __str__(self) -> str:
        return f"each page got {min(self.progress):,} words of progress"
