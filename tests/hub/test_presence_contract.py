"""What ``hub.presence.contract`` promises, on each backend. Several processes are several backends of this one."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from hub.config import hub_settings
from hub.database.threads import in_database_thread
from hub.models import ProcessPresence
from hub.presence import database_backend
from hub.presence.contract import BackendUnavailable, PresenceBackend, Record, SharedBackend
from hub.presence.database_backend import DatabaseBackend
from hub.presence.memory_backend import MemoryBackend, MemoryStore
from hub.presence.records import LocalRecords
from hub.presence.redis_backend import RedisBackend
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for

pytestmark = pytest.mark.django_db(transaction=True)

ROOM = "room:1"

#: Seconds of the lease of a process that is to die, and of one that is to live however busy the machine is.
SHORT, LONG = 0.05, 60.0


@dataclass(frozen=True, slots=True)
class Process:
    """A web process: it counts its connections, and tells its backend of the first and the last one."""

    name: str
    records: LocalRecords
    backend: PresenceBackend

    @property
    def shared(self) -> SharedBackend:
        assert isinstance(self.backend, RedisBackend | MemoryBackend)
        return self.backend

    async def enter(self, channel: str, person: str) -> bool:
        return self.records.add(channel, person) and await self.backend.enter(channel, person)

    async def leave(self, channel: str, person: str) -> bool:
        return self.records.remove(channel, person) and await self.backend.leave(channel, person)


@dataclass(slots=True)
class Cluster:
    """Processes that share a backend of one kind."""

    kind: str
    settings: Settings
    store: MemoryStore = field(default_factory=MemoryStore)
    #: Those that are alive, and all that there were.
    processes: list[Process] = field(default_factory=list)
    started: list[Process] = field(default_factory=list)

    @property
    def has_one_answer(self) -> bool:
        """Whether the backend is a :class:`SharedBackend`, which needs no time and tells who departed."""
        return self.kind != "database"

    async def start(self) -> Process:
        """One more process."""
        records, name = LocalRecords(), secrets.token_hex(6)
        self.processes.append(Process(name, records, self._backend(name, records)))
        self.started.append(self.processes[-1])
        await self.renew()
        return self.processes[-1]

    def _backend(self, name: str, records: LocalRecords) -> PresenceBackend:
        if self.kind == "redis":
            return RedisBackend(name, records, lambda: None)
        if self.kind == "database":
            return DatabaseBackend(name, records, lambda: None)
        return MemoryBackend(name, records, self.store)

    async def renew(self) -> None:
        """Each process keeps its lease, and then knows what each other one has."""
        for _ in range(2):
            for process in self.processes:
                await process.backend.renew()

    async def kill(self, process: Process) -> None:
        """The process does nothing any more; its lease expires soon."""
        self.settings.HUB_LEASE_SECONDS = SHORT
        await process.backend.renew()
        self.settings.HUB_LEASE_SECONDS = LONG
        self.processes.remove(process)

    async def departed(self, process: Process) -> list[Record]:
        """The records that are removed because a process died, as ``process`` is told of them."""
        found = [departed async for departed in process.shared.remove_expired()]
        return sorted((channel, person) for each in found for channel, people in each.items() for person in people)

    async def until_gone(self, dead: Process) -> list[Record]:
        """Wait until the dead process has no lease any more; returns what all others were told meanwhile."""
        told: list[Record] = []

        async def is_gone() -> bool:
            gone = True
            for process in self.processes:
                gone &= dead.name not in await process.backend.renew()
                if self.has_one_answer:
                    told.extend(await self.departed(process))
            return gone

        await await_for(is_gone, that="the lease of the dead process has expired")
        return told


#: The others keep nothing in the database.
WITHOUT_DATABASE = pytest.mark.any_database


@pytest.fixture(
    params=[pytest.param("redis", marks=WITHOUT_DATABASE), "database", pytest.param("memory", marks=WITHOUT_DATABASE)]
)
async def cluster(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Cluster]:
    settings.HUB_REDIS_TIMEOUT = 10  # a busy machine is waited for
    settings.HUB_LEASE_SECONDS, settings.HUB_LEASE_BEAT = LONG, 1e-9  # each renewal writes
    monkeypatch.setattr(database_backend, "TURN", 0.0)
    monkeypatch.setattr(database_backend, "GRACE", 0.1)
    made = Cluster(request.param, settings)
    yield made
    for process in made.started:
        await process.backend.close()


async def test_of_several_connections_of_a_person_the_first_enters_and_the_last_leaves(cluster: Cluster) -> None:
    one = await cluster.start()
    assert [await one.enter(ROOM, "u1") for _ in range(3)] == [True, False, False]
    assert await one.backend.count(ROOM) == 1
    assert [await one.leave(ROOM, "u1") for _ in range(3)] == [False, False, True]
    assert await one.backend.count(ROOM) == 0


async def test_person_at_two_processes_enters_once_and_leaves_once(cluster: Cluster) -> None:
    one, two = await cluster.start(), await cluster.start()
    assert await one.enter(ROOM, "u1")
    await cluster.renew()
    assert not await two.enter(ROOM, "u1")
    await cluster.renew()
    assert [await process.backend.count(ROOM) for process in (one, two)] == [1, 1]
    assert [await process.backend.is_elsewhere(ROOM, "u1") for process in (one, two)] == [True, True]
    assert not await one.leave(ROOM, "u1")
    await cluster.renew()
    assert await two.backend.people(ROOM) == ["u1"]
    assert [await process.backend.is_elsewhere(ROOM, "u1") for process in (one, two)] == [True, False]
    assert await two.leave(ROOM, "u1")
    await cluster.renew()
    assert await one.backend.count(ROOM) == 0


@pytest.mark.slow
async def test_of_many_who_enter_or_leave_at_once_one_is_the_first_and_one_the_last(cluster: Cluster) -> None:
    processes = [await cluster.start() for _ in range(5)]
    for number in range(10):
        person = f"u{number}"
        firsts = sum(await asyncio.gather(*(each.enter(ROOM, person) for each in processes)))
        await cluster.renew()
        assert [await each.backend.people(ROOM) for each in processes] == [[person]] * 5
        lasts = sum(await asyncio.gather(*(each.leave(ROOM, person) for each in processes)))
        await cluster.renew()
        assert [await each.backend.count(ROOM) for each in processes] == [0] * 5
        if cluster.has_one_answer:
            assert (firsts, lasts) == (1, 1)


async def test_each_guest_is_one_and_channels_are_counted_apart(cluster: Cluster) -> None:
    one, two = await cluster.start(), await cluster.start()
    for process, channel, person in (
        (one, ROOM, "u1"),
        (one, "online", "g1"),
        (two, "online", "g2"),
        (two, "online", "u1"),
    ):
        await process.enter(channel, person)
    await cluster.renew()
    for process in (one, two):
        assert (await process.backend.count(ROOM), await process.backend.count("online")) == (1, 3)
        assert await process.backend.people(ROOM) == ["u1"]
    here = {"g2", "u1"}  # the database has no names of the guests of other processes
    assert set(await two.backend.people("online")) == (here | {"g1"} if cluster.has_one_answer else here)


async def test_channel_without_people_is_empty(cluster: Cluster) -> None:
    one = await cluster.start()
    assert (await one.backend.count(ROOM), await one.backend.people(ROOM)) == (0, [])


async def test_repetition_changes_nothing(cluster: Cluster) -> None:
    one, two = await cluster.start(), await cluster.start()
    await one.enter(ROOM, "u1")
    await one.backend.enter(ROOM, "u1")
    await two.enter(ROOM, "u1")
    await cluster.renew()
    assert await two.backend.count(ROOM) == 1
    assert not await one.leave(ROOM, "u1")
    await one.backend.leave(ROOM, "u1")
    await one.backend.leave(ROOM, "nobody")
    await cluster.renew()
    assert [await process.backend.people(ROOM) for process in (one, two)] == [["u1"], ["u1"]]


async def test_people_of_a_process_that_died_are_removed_and_told_of_once(cluster: Cluster) -> None:
    one, two, dead = await cluster.start(), await cluster.start(), await cluster.start()
    for person in ("u1", "u2", "u3"):
        await dead.enter(ROOM, person)
    await dead.enter("online", "g1")
    await one.enter(ROOM, "u2")  # who is elsewhere too has not left
    await cluster.kill(dead)
    told = await cluster.until_gone(dead)
    assert told == ([("online", "g1"), (ROOM, "u1"), (ROOM, "u3")] if cluster.has_one_answer else [])
    for process in (one, two):
        assert (await process.backend.people(ROOM), await process.backend.count("online")) == (["u2"], 0)


async def test_who_comes_back_elsewhere_before_the_lease_expires_has_neither_left_nor_entered(
    cluster: Cluster,
) -> None:
    one, dead = await cluster.start(), await cluster.start()
    await dead.enter(ROOM, "u1")
    await cluster.renew()
    assert not await one.enter(ROOM, "u1")
    await cluster.kill(dead)
    assert await cluster.until_gone(dead) == []
    assert await one.backend.people(ROOM) == ["u1"]
    assert await one.leave(ROOM, "u1")


async def test_process_that_slept_past_its_lease_has_its_records_again(cluster: Cluster) -> None:
    one, slow = await cluster.start(), await cluster.start()
    await slow.enter(ROOM, "u1")
    await cluster.kill(slow)
    await cluster.until_gone(slow)
    assert await one.backend.count(ROOM) == 0
    cluster.processes.append(slow)
    if cluster.kind == "redis":  # an answer of this moment would be that nobody is there
        with pytest.raises(BackendUnavailable):
            await slow.backend.count(ROOM)
    await cluster.renew()
    assert [await process.backend.people(ROOM) for process in (one, slow)] == [["u1"], ["u1"]]


async def test_on_a_clean_end_guests_are_gone_and_users_are_expected_back(cluster: Cluster) -> None:
    one, two = await cluster.start(), await cluster.start()
    for person in ("g1", "g2", "u1"):
        await one.enter("online", person)
    await cluster.renew()
    cluster.processes.remove(one)
    await one.backend.close()
    await cluster.renew()
    assert (await two.backend.count("online"), await two.backend.people("online")) == (1, ["u1"])


async def test_processes_know_of_each_other(cluster: Cluster) -> None:
    one, two, three = [await cluster.start() for _ in range(3)]
    assert await one.backend.renew() == {two.name: True, three.name: True}
    assert await two.backend.renew() == {one.name: True, three.name: True}


HOSTILE = {
    "spaces": "a b  c ",
    "a length and a space": "3 a b",
    "line ends": "a\r\nb\tc",
    "zero bytes": "\0a\0",
    "other scripts": "Żółć-дверь-🦄-\u202e",
    "JSON": '"],[{"\\u0000',
    "nothing": "",
    "long": "x" * 100_000,
    "a pattern": "^(%d+) (.*)$",
}


@pytest.mark.whole_table
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
async def test_names_may_be_anything(cluster: Cluster, name: str) -> None:
    one, dead = await cluster.start(), await cluster.start()
    records = sorted({(name, "u1"), (ROOM, f"u{name}"), (f"{name} u", "1"), (name, f"u {name}")})
    for record in records:
        await dead.enter(*record)
    await cluster.renew()
    for channel, person in records:
        assert person in await one.backend.people(channel)
        assert await one.backend.count(channel) == sum(record[0] == channel for record in records)
    await cluster.kill(dead)
    assert await cluster.until_gone(dead) == (records if cluster.has_one_answer else [])
    assert [await one.backend.count(channel) for channel, _ in records] == [0] * len(records)


@pytest.mark.parametrize("cluster", ["redis"], indirect=True)
async def test_damaged_values_keep_nobody_there_and_nobody_away(cluster: Cluster, redis_server: RedisServer) -> None:
    one, dead = await cluster.start(), await cluster.start()
    await one.enter(ROOM, "u1")
    await dead.enter(ROOM, "u2")
    await cluster.renew()
    keys, damage = (
        f"{hub_settings().redis_prefix}:presence:",
        (b"\xff\xfe", "no length", "-1 x", f"{len(ROOM)} {ROOM}"),
    )
    for process in (one, dead):
        redis_server.client.sadd(f"{keys}of:{process.name}", *damage, f"{len(ROOM)} {ROOM}".encode() + b"\xff")
    redis_server.client.hset(f"{keys}at:{ROOM}", b"u\xff", f" {one.name} {dead.name}")
    redis_server.client.zadd(f"{keys}processes", {b"\xff": 1.0, b"\xfe": 1e12})
    redis_server.client.zrem(f"{keys}processes", one.name)  # so that it compares what Redis has with what it has
    await one.backend.renew()
    assert sorted(await one.backend.people(ROOM)) == ["u1", "u2"]
    await cluster.kill(dead)
    assert [record for record in await cluster.until_gone(dead) if record[1]] == [(ROOM, "u2")]
    assert await one.backend.people(ROOM) == ["u1"]
    assert not redis_server.client.zscore(f"{keys}processes", b"\xff")


@contextlib.asynccontextmanager
async def redis_away(redis_server: RedisServer) -> AsyncIterator[None]:
    redis_server.kill()
    try:
        yield
    finally:
        redis_server.start()


@contextlib.asynccontextmanager
async def table_away() -> AsyncIterator[None]:
    table = ProcessPresence._meta.db_table
    await in_database_thread(rename, table, f"{table}_away")
    try:
        yield
    finally:
        await in_database_thread(rename, f"{table}_away", table)


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


@pytest.mark.slow
@pytest.mark.parametrize("cluster", ["redis", "database"], indirect=True)  # memory does not fail
async def test_what_changes_while_the_backend_fails_is_there_when_it_is_back(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    one, two = await cluster.start(), await cluster.start()
    for person in ("stays", "leaves"):
        await one.enter(ROOM, person)
    await cluster.renew()
    async with redis_away(redis_server) if cluster.kind == "redis" else table_away():
        for change in (one.enter(ROOM, "comes"), one.leave(ROOM, "leaves")):
            with contextlib.suppress(BackendUnavailable):
                await change
        for process in (one, two):
            with pytest.raises(BackendUnavailable):
                await process.backend.renew()
    await cluster.renew()
    for process in (one, two):
        assert sorted(await process.backend.people(ROOM)) == ["comes", "stays"]


@pytest.mark.slow
@pytest.mark.parametrize("cluster", ["redis", "memory"], indirect=True)  # those that have one answer for all
async def test_turn_is_taken_by_one_process_at_a_time(cluster: Cluster) -> None:
    one, two = [(await cluster.start()).shared for _ in range(2)]
    assert await one.take_turn("count", 0.5)
    assert not await two.take_turn("count", 0.5)
    await await_for(lambda: two.take_turn("count", 0.5), that="the turn is free again")
