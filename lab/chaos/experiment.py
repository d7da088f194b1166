"""One run: a crowd of clients, publishers, whatever a fault does meanwhile, and the verdict at the end."""

import asyncio
import contextlib
import json
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx

from lab.chaos.client import OPEN_TIMEOUT
from lab.chaos.crowd import Crowd
from lab.chaos.ledger import AlertRow, Ledger, Row, Verdict
from lab.chaos.leniency import EXACTLY, Leniency
from lab.chaos.parts import Hub, Web
from lab.chaos.people import People
from lab.chaos.publishers import Publishers
from lab.chaos.readers import Readers
from lab.chaos.reading import ReadingBook
from lab.chaos.threads import in_thread

#: Seconds after the last publication in which everything must have arrived, jobs of a killed worker included; and
#: between two looks whether it has.
DRAIN_TIMEOUT, DRAIN_PAUSE = 45.0, 0.25

#: Publications that show whether a web process still hears of them over Redis, and how many of them a process may
#: have from the database all the same.
DEAFNESS_PROBES, REPAIRED_AT_MOST = 6, 2

_LOOK = """
import json
from hub.models import Publication
from notifications.models import Notification
alerts = Notification.objects.filter(message__contains=mark, user__isnull=False)
print(json.dumps({
    "rows": list(Publication.objects.filter(data__contains=mark).values_list("channel", "offset", "data")),
    "alerts": list(alerts.values_list("user", "message")),
}))
"""


class DidNotHold(AssertionError):
    """What was waited for did not come about in time."""


@dataclass
class Experiment:
    """What a fault works with. ``findings`` are the things it found not to hold."""

    hub: Hub
    people: People
    crowd: Crowd
    publishers: Publishers
    ledger: Ledger
    readers: Readers
    reading: ReadingBook
    chance: random.Random
    began_at: float = field(default_factory=time.monotonic)
    findings: list[str] = field(default_factory=list)
    #: What was measured, for the report.
    notes: list[str] = field(default_factory=list)
    #: False while several faults are injected at the same time: then no fault's own limits count, only the ledger.
    strict: bool = True
    #: What limits are held to.
    leniency: Leniency = EXACTLY

    def must(self, holds: bool, what: str) -> None:
        """Note ``what`` was measured, and that it does not hold where it does not."""
        self.notes.append(what)
        if not holds:
            (self.findings if self.strict else self.notes).append(f"not held: {what}")

    def must_take(self, seconds: float, *, less_than: float, what: str) -> None:
        """Note how long ``what`` took, and that it does not hold where that is not ``less_than`` so many seconds."""
        self.must(seconds < self.leniency.of(less_than), f"{what} {seconds:.2f} s")

    async def eventually(self, holds: Callable[[], object | Awaitable[object]], *, within: float, that: str) -> float:
        """Wait until ``holds()``; returns the seconds it took, and notes it as not held after ``within`` seconds."""
        within = self.leniency.of(within)
        began = time.monotonic()
        while True:
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                took = time.monotonic() - began
                self.notes.append(f"{that} after {took:.1f} s")
                return took
            if time.monotonic() - began > within:
                self.must(holds=False, what=f"{that} within {within:g} s")
                return within
            await asyncio.sleep(0.05)

    async def everybody_is_back(self, *, within: float) -> float:
        """Every client is connected again."""
        return await self.eventually(
            lambda: all(client.live for client in self.crowd),
            within=within,
            that=f"all {len(self.crowd)} clients are connected",
        )

    async def everybody_receives(self, *, within: float) -> None:
        """What is published now reaches every client that waits for alerts."""
        await self.all_show([await self.publishers.notify(["everyone"])], within=within)

    async def keep_parts_running(self) -> None:
        """Start again, for ever, what ends by itself, as a supervisor does. That it ended is a finding."""
        while True:
            await asyncio.sleep(0.5)
            for part in self.hub.parts:
                if part.has_failed():
                    self.findings.append(f"{part.name} ended by itself; its log is {part.log}")
                    await in_thread(part.start)

    async def serves(self, web: Web) -> None:
        """A web process that was started is up."""
        await self.eventually(lambda: in_thread(web.answers), within=15, that=f"{web.name} serves again")

    async def all_show(self, numbers: Sequence[int], *, within: float) -> None:
        """Every client that waits for alerts shows these publications to everyone."""
        listeners = len(self.crowd.listeners)
        await self.eventually(
            lambda: all(self.ledger.shown_by(number) >= listeners for number in numbers),
            within=within,
            that=f"{len(numbers)} publications are received by all {listeners}",
        )

    async def jobs_run(self, *, within: float) -> None:
        """A task that is started now is done."""

        async def started() -> bool:
            number = await self.publishers.start_a_task(["everyone"])
            return self.ledger.attempts[number].handed_over_at is not None

        await self.eventually(started, within=within, that="a task can be started")
        last = max(number for number, attempt in self.ledger.attempts.items() if attempt.handed_over_at is not None)
        await self.eventually(lambda: self.ledger.shown_by(last), within=within, that="a task that is started runs")

    async def nobody_is_deaf(self, *, within: float) -> None:
        """Every web process hears of publications over Redis again, and not from the database only."""
        await self.eventually(self._all_hear, within=within, that="every web process hears by Redis")

    async def _all_hear(self) -> bool:
        before = await in_thread(self._repaired)
        numbers = [await self.publishers.notify(["everyone"]) for _ in range(DEAFNESS_PROBES)]
        listeners = len(self.crowd.listeners)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                while any(self.ledger.shown_by(number) < listeners for number in numbers):
                    await asyncio.sleep(0.02)
        after = await in_thread(self._repaired)
        return all(now - then <= REPAIRED_AT_MOST for then, now in zip(before, after, strict=True))

    def _repaired(self) -> list[float]:
        return [web.metric("hub_repairs_total", reason="tail") for web in self.hub.webs]

    async def verdict(self) -> Verdict:
        """Stop publishing, let everything arrive, and compare. Waits no longer than it has to."""
        await self.publishers.stop()
        deadline = time.monotonic() + DRAIN_TIMEOUT
        while True:
            verdict = await self._compare()
            is_late = time.monotonic() > deadline
            if verdict.holds or is_late:  # else what people are told to have unread is not yet what it will be
                told = await self.readers.told()
                self.reading.judge(verdict, await self.readers.inboxes(), told)
            if verdict.holds or is_late:
                break
            await asyncio.sleep(DRAIN_PAUSE)
        verdict.findings += self.findings
        return verdict

    async def _compare(self) -> Verdict:
        mark = f"chaos-{self.ledger.mark}-"
        found = json.loads(await in_thread(self.hub.observer.run, _LOOK, mark=mark))
        rows = [
            Row(channel, offset, number)
            for channel, offset, data in found["rows"]
            if (number := self.ledger.number_in(data)) is not None
        ]
        alerts = [
            AlertRow(f"user:{pk}", number)
            for pk, message in found["alerts"]
            if (number := self.ledger.number_in(message)) is not None
        ]
        return self.ledger.verdict(rows, alerts, {client.name: client.client_state for client in self.crowd})


@contextlib.asynccontextmanager
async def experiment(
    hub: Hub,
    people: People,
    *,
    seed: int,
    clients: int = 100,
    rate: float = 16.0,
    leniency: Leniency = EXACTLY,
) -> AsyncIterator[Experiment]:
    """A crowd that has come in and publishers at work on a hub that runs; all of it ends with the block.

    Args:
        seed: decides what clients and publishers choose by chance.
        rate: publications a second, all publishers together.
        leniency: what limits are held to.
    """
    chance = random.Random(seed)
    ledger = Ledger(secrets.token_hex(3))
    crowd = Crowd(people, hub.ws_urls, ledger, chance)
    reading = ReadingBook()
    # One connection for each call: those that wait would be broken by a web process that is killed.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    http = httpx.AsyncClient(timeout=OPEN_TIMEOUT, trust_env=False, limits=limits)
    readers = Readers(hub, people, crowd, reading, http, chance)
    publishers = Publishers(hub, people, crowd, ledger, chance, rate, marking=readers.mark_as_read)
    try:
        await readers.read_everything()
        await crowd.enter(clients)
        publishers.start()
        try:
            made = Experiment(hub, people, crowd, publishers, ledger, readers, reading, chance, leniency=leniency)
            keeping = asyncio.create_task(made.keep_parts_running())
            try:
                yield made
            finally:
                keeping.cancel()
        finally:
            await publishers.stop()
    finally:
        await crowd.leave()
        await http.aclose()
