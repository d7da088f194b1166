"""Clients come and go for a long time under load, and nothing may grow: memory, descriptors, connections, tasks."""

import asyncio
import itertools
import random
import time
from collections import Counter
from dataclasses import dataclass
from statistics import median

from lab.chaos.experiment import experiment
from lab.chaos.parts import Hub
from lab.chaos.people import People
from lab.chaos.threads import in_thread
from lab.chaos.visits import Visitors

#: Clients that come each second; each stays for so many seconds, at least and at most.
RATE, STAY = 20.0, (0.5, 5.0)

#: Clients that stay all the time.
RESIDENTS = 50

#: The share of the time that is for warming up, and how often what a process holds is read after that.
WARM_UP, READINGS = 0.3, 30

#: What may be more in the last third of the readings than in the first: a share of the memory and a few MB that an
#: allocator keeps for itself, and a few connections that are open at the one moment and not at the other.
MEMORY_SHARE, MEMORY_MORE, COUNT_MORE = 0.05, 8 * 1024 * 1024, 12


#: Some connections have several tasks, so that these swing more.
SOCKETS, TASKS, TASKS_MORE = "hub_sockets", "hub_tasks", 60

#: Seconds in which a web process counts its tasks, and in which it notices that clients have gone without a word.
SETTLED, GONE_WITHIN = 1.5, 20.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What one process held at one moment."""

    memory: int
    count: int


async def soak(hub: Hub, people: People, *, seconds: float, seed: int) -> int:
    """Churn for so long, print what it came to, and return the exit status: 1 where something grew or was lost."""
    readings: dict[str, list[Reading]] = {}
    chance = random.Random(seed)
    async with experiment(hub, people, seed=seed, clients=RESIDENTS) as what:
        await asyncio.sleep(SETTLED)
        before = await in_thread(_open, hub)
        enough = asyncio.Event()
        async with Visitors(hub, people, chance) as visitors:
            churn = asyncio.create_task(_churn(visitors, chance, enough))
            await asyncio.sleep(max(seconds * WARM_UP, STAY[1]))
            for _ in range(READINGS):
                await asyncio.sleep(seconds * (1 - WARM_UP) / READINGS)
                for name, reading in (await in_thread(_read, hub)).items():
                    readings.setdefault(name, []).append(reading)
            enough.set()
            await churn
        # Only now, when their pool is closed: it may keep the connection of a visit that was cut short as it began.
        left = await _left_behind(hub, before)
        verdict = await what.verdict()
    missing = [f"nobody was let in by {transport}" for transport, times in visitors.made.items() if not times]
    grown = itertools.chain.from_iterable(map(growth, readings, readings.values()))
    findings = [*verdict.findings, *missing, *left, *grown]
    print("visits: " + ", ".join(f"{times} by {transport}" for transport, times in visitors.made.items()))
    for name, found in readings.items():
        first, last = _thirds(found)
        print(
            f"{name:15} {first.memory / 2**20:7.1f} MB -> {last.memory / 2**20:7.1f} MB, "
            f"{first.count:4} -> {last.count:4} open"
        )
    for finding in findings:
        print(f"NOT HELD  {finding}")
    print("All promises held." if not findings else f"{len(findings)} findings. Replay: --soak --seed {seed}")
    return 1 if findings else 0


async def _churn(visitors: Visitors, chance: random.Random, enough: asyncio.Event) -> None:
    """Let clients come until it is ``enough``; returns when the last has gone."""
    visits: set[asyncio.Task[None]] = set()
    failed: list[BaseException] = []

    def end(visit: asyncio.Task[None]) -> None:
        visits.discard(visit)
        if not visit.cancelled() and (error := visit.exception()) is not None:
            failed.append(error)

    while not enough.is_set() and not failed:
        visit = asyncio.create_task(visitors.visit(chance.uniform(*STAY)))
        visits.add(visit)
        visit.add_done_callback(end)
        await asyncio.sleep(chance.expovariate(RATE))
    for visit in visits:
        visit.cancel()
    await asyncio.gather(*visits, return_exceptions=True)
    if failed:
        raise failed[0]


async def _left_behind(hub: Hub, before: Counter[str]) -> list[str]:
    """What the visitors have left in the web processes, when they had time to notice that all have gone."""
    deadline = time.monotonic() + GONE_WITHIN
    while True:
        now = await in_thread(_open, hub)
        findings = [
            f"{name} is {now[name]} without visitors, and was {before[name]} before they came"
            for name in sorted(now)
            if now[name] > before[name] + (COUNT_MORE if name == TASKS else 0)
        ]
        if not findings or time.monotonic() > deadline:
            return findings
        await asyncio.sleep(0.1)


def _open(hub: Hub) -> Counter[str]:
    """The sockets of all web processes by endpoint, and their tasks: a client may come back to another process."""
    total: Counter[str] = Counter()
    for web in hub.webs:
        total.update({name: int(value) for name, value in web.samples(SOCKETS, TASKS).items()})
    return total


def _read(hub: Hub) -> dict[str, Reading]:
    found = {web.name: Reading(web.memory(), web.descriptors()) for web in hub.webs}
    found["worker"] = Reading(hub.worker.memory(), hub.worker.descriptors())
    found["redis"] = Reading(hub.redis.memory(), hub.redis.connections())
    for web in hub.webs:
        found[f"{web.name} {TASKS}"] = Reading(0, int(web.metric(TASKS)))
    return found


def _thirds(readings: list[Reading]) -> tuple[Reading, Reading]:
    """What is typical of the first and of the last third."""
    third = max(1, len(readings) // 3)
    return _typical(readings[:third]), _typical(readings[-third:])


def _typical(readings: list[Reading]) -> Reading:
    return Reading(int(median(r.memory for r in readings)), int(median(r.count for r in readings)))


def growth(name: str, readings: list[Reading]) -> list[str]:
    """What the process ``name`` has too much of at the end."""
    first, last = _thirds(readings)
    findings = []
    if last.memory > first.memory * (1 + MEMORY_SHARE) + MEMORY_MORE:
        findings.append(f"{name} grew from {first.memory / 2**20:.1f} to {last.memory / 2**20:.1f} MB")
    more = TASKS_MORE if name.endswith(TASKS) else COUNT_MORE
    if last.count > first.count * (1 + MEMORY_SHARE) + more:
        findings.append(f"{name} had {first.count} open and has {last.count}")
    return findings
