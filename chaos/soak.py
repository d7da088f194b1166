"""Clients come and go for a long time under load, and nothing may grow: memory, descriptors, connections, tasks."""

import asyncio
import contextlib
import itertools
import random
from dataclasses import dataclass
from statistics import median

import websockets

from chaos.parts import Hub
from chaos.people import People
from chaos.threads import in_thread
from chaos.trial import trial

#: Clients that come each second; each stays for so many seconds, at least and at most.
RATE, STAY = 20.0, (0.5, 5.0)

#: Clients that stay all the time.
RESIDENTS = 50

#: The share of the time that is for warming up, and how often what a process holds is read after that.
WARM_UP, READINGS = 0.3, 30

#: What may be more in the last third of the readings than in the first: a share of the memory and a few MB that an
#: allocator keeps for itself, and a few connections that are open at the one moment and not at the other.
MEMORY_SHARE, MEMORY_MORE, COUNT_MORE = 0.05, 8 * 1024 * 1024, 12


@dataclass(frozen=True, slots=True)
class Reading:
    """What one process held at one moment."""

    memory: int
    count: int


async def soak(hub: Hub, people: People, *, seconds: float, seed: int) -> int:
    """Churn for so long, print what it came to, and return the exit status: 1 where something grew or was lost."""
    readings: dict[str, list[Reading]] = {}
    async with trial(hub, people, seed=seed, clients=RESIDENTS) as what:
        enough = asyncio.Event()
        churn = asyncio.create_task(_churn(hub, people, random.Random(seed), enough))
        await asyncio.sleep(seconds * WARM_UP)
        for _ in range(READINGS):
            await asyncio.sleep(seconds * (1 - WARM_UP) / READINGS)
            for name, reading in (await in_thread(_read, hub)).items():
                readings.setdefault(name, []).append(reading)
        enough.set()
        await churn
        verdict = await what.verdict()
    findings = [*verdict.findings, *itertools.chain.from_iterable(map(growth, readings, readings.values()))]
    for name, found in readings.items():
        first, last = _thirds(found)
        print(
            f"{name:12} {first.memory / 2**20:7.1f} MB -> {last.memory / 2**20:7.1f} MB, "
            f"{first.count:4} -> {last.count:4} open"
        )
    for finding in findings:
        print(f"NOT HELD  {finding}")
    print("All promises held." if not findings else f"{len(findings)} findings. Replay: --soak --seed {seed}")
    return 1 if findings else 0


async def _churn(hub: Hub, people: People, chance: random.Random, enough: asyncio.Event) -> None:
    """Let clients come until it is ``enough``; returns when the last has gone."""
    paths = ["/ws/notifications/", "/ws/online/", *(f"/ws/chat/{room}/" for room in people.rooms)]
    visits: set[asyncio.Task[None]] = set()
    failed: list[BaseException] = []

    def end(visit: asyncio.Task[None]) -> None:
        visits.discard(visit)
        if not visit.cancelled() and (error := visit.exception()) is not None:
            failed.append(error)

    while not enough.is_set() and not failed:
        token = chance.choice(people.people).token
        headers = {"Authorization": f"Bearer {token}"} if chance.random() < 0.5 else {}
        url = chance.choice(hub.ws_urls) + chance.choice(paths)
        visit = asyncio.create_task(_visit(url, headers, chance.uniform(*STAY), cut=chance.random() < 0.3))
        visits.add(visit)
        visit.add_done_callback(end)
        await asyncio.sleep(chance.expovariate(RATE))
    for visit in visits:
        visit.cancel()
    await asyncio.gather(*visits, return_exceptions=True)
    if failed:
        raise failed[0]


async def _visit(url: str, headers: dict[str, str], seconds: float, *, cut: bool) -> None:
    with contextlib.suppress(websockets.WebSocketException, OSError, TimeoutError):
        async with websockets.connect(
            url, additional_headers=headers, compression=None, proxy=None, ping_interval=None, close_timeout=2
        ) as connection:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    async for _ in connection:
                        pass
            if cut:
                connection.transport.abort()


def _read(hub: Hub) -> dict[str, Reading]:
    found = {web.name: Reading(web.memory(), web.descriptors()) for web in hub.webs}
    found["worker"] = Reading(hub.worker.memory(), hub.worker.descriptors())
    found["redis"] = Reading(hub.redis.memory(), hub.redis.connections())
    for web in hub.webs:
        # Each socket is a task of its web process.
        found[f"{web.name} tasks"] = Reading(0, int(web.metric("hub_sockets") + web.metric("hub_channels")))
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
    if last.count > first.count * (1 + MEMORY_SHARE) + COUNT_MORE:
        findings.append(f"{name} had {first.count} open and has {last.count}")
    return findings
