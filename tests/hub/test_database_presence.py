"""Presence while Redis is away: the processes tell each other through the database, and nobody seems to come or go."""

import asyncio
import contextlib
import functools
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from functools import partial

import pytest
from django.db import OperationalError
from pytest_django.fixtures import Settings

from hub.concurrency.background import Background
from hub.database.threads import in_database_thread
from hub.models import ProcessPresence
from hub.presence import database_backend, process_rows, tracker
from hub.presence.contract import BackendUnavailable
from hub.presence.database_backend import DatabaseBackend
from hub.presence.records import LocalRecords
from hub.presence.tracker import PresenceTracker
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[[], Awaitable[PresenceTracker]]

#: Seconds between two looks at Redis, and at each other's rows; in a hub it is a second.
TURN = 0.1

#: Seconds within which a change in one process is known in another: its row, the next look, and a busy machine.
SOON = 4.0


class Looks:
    """Which process looked at Redis, or at the rows of the others, each time that one did."""

    def __init__(self, at: str) -> None:
        self._at = at
        self.by: list[str] = []

    async def several_more(self, *processes: str) -> None:
        """Wait until each of the processes has looked, and acted on what it saw, more than once from now on."""
        # The first may be under way, and it is told when the third begins that the second is over.
        wanted = {process: self.by.count(process) + 3 for process in processes}
        await await_for(
            lambda: all(self.by.count(process) >= times for process, times in wanted.items()),
            timeout=20,
            that=f"each process looks at {self._at}",
        )


@pytest.fixture(autouse=True)
def looks_at_redis(monkeypatch: pytest.MonkeyPatch) -> Looks:
    monkeypatch.setattr(tracker, "WATCH", TURN)
    monkeypatch.setattr(tracker, "RETRY", TURN)
    looks = Looks("Redis")
    renew = PresenceTracker.renew

    async def counted(process: PresenceTracker) -> None:
        looks.by.append(process.process)
        await renew(process)

    monkeypatch.setattr(PresenceTracker, "renew", counted)
    return looks


@pytest.fixture(autouse=True)
def looks_at_rows(monkeypatch: pytest.MonkeyPatch) -> Looks:
    monkeypatch.setattr(database_backend, "TURN", TURN)
    looks = Looks("rows")
    read = process_rows.read

    def counted(process: str, known: Mapping[str, int]) -> list[process_rows.Row]:
        looks.by.append(process)
        return read(process, known)

    monkeypatch.setattr(process_rows, "read", counted)
    return looks


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts the presence of one more process."""
    started = []

    async def one_more() -> PresenceTracker:
        started.append(PresenceTracker())
        await started[-1].count("online")
        for one in started:
            with contextlib.suppress(BackendUnavailable):
                await one.renew()  # as each does before long: they know of each other now
        return started[-1]

    yield one_more
    for one in started:
        await one.close()


@pytest.fixture
def departed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Those of whom was told that they are gone."""
    told: list[list[str]] = []

    async def tell(channel: str, people: list[str]) -> None:
        told.append(people)

    monkeypatch.setattr(tracker, "_departed", {"room": [tell], "online": [tell]})
    return told


@contextlib.contextmanager
def away(redis_server: RedisServer) -> Iterator[None]:
    """Redis is killed, and comes back empty."""
    redis_server.kill()
    try:
        yield
    finally:
        redis_server.start()


@contextlib.contextmanager
def stopped(redis_server: RedisServer) -> Iterator[None]:
    """Redis takes connections and answers nothing, and then goes on as if nothing had been."""
    pid = redis_server.client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def counts(*processes: PresenceTracker, wanted: int) -> None:
    """Holds when each of the processes counts ``wanted`` people soon."""
    for process in processes:
        await await_for(partial(_counts, process, wanted), timeout=SOON, that=f"{wanted} people are counted")


async def _counts(process: PresenceTracker, wanted: int) -> bool:
    return await process.count("online") == wanted


async def returned(*processes: PresenceTracker) -> None:
    """Holds when each of the processes has said in its row that Redis has its people again."""
    names = [process.process for process in processes]
    rows = ProcessPresence.objects.filter(process__in=names, returned=True)
    await await_for(lambda: in_database_thread(lambda: rows.all().count() == len(names)), that="they say so")


async def apart(*processes: PresenceTracker, are: bool = True) -> None:
    await await_for(lambda: all(p.is_apart is are for p in processes), that=f"processes apart: {are}")


@contextlib.asynccontextmanager
async def watching(*processes: PresenceTracker) -> AsyncIterator[list[list[int]]]:
    """Count all the time; yields each process's numbers, each kept once in a row."""
    seen: list[list[int]] = [[] for _ in processes]

    async def watch(process: PresenceTracker, numbers: list[int]) -> float:
        if (count := await process.count("online")) not in numbers[-1:]:
            numbers.append(count)
        return 0.01

    loops = [
        Background("watching", functools.partial(watch, *pair), event="watching_failed")
        for pair in zip(processes, seen, strict=True)
    ]
    for loop in loops:
        loop.wake()
    try:
        yield seen
    finally:
        await asyncio.gather(*(loop.close() for loop in loops))


@contextlib.asynccontextmanager
async def blind(process: PresenceTracker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A process that does not find Redis, although it is back: each tries by itself, at moments of its own."""
    has_failed = asyncio.Event()

    async def fails() -> None:
        has_failed.set()
        raise BackendUnavailable("not yet")

    with monkeypatch.context() as patched:
        patched.setattr(process, "renew", fails)
        await has_failed.wait()  # and what it had under way is over
        yield


@pytest.mark.slow
async def test_without_redis_people_are_counted_over_all_processes_and_each_once(
    start: Start, redis_server: RedisServer
) -> None:
    one, two = await start(), await start()
    for process, person in ((one, "u1"), (two, "u1"), (one, "g1"), (two, "g2"), (two, "u2")):
        await process.enter("online", person)
    with away(redis_server):
        await apart(one, two)
        assert (await one.count("online"), await two.count("online")) == (4, 4)
        assert await two.enter("online", "u3")
        assert not await two.leave("online", "u1")  # who has a tab elsewhere has not left
        await counts(one, two, wanted=5)
        assert not await one.enter("online", "u3")
        await one.leave("online", "g1")
        await counts(one, two, wanted=4)
        assert sorted(await two.people("online")) == ["g2", "u1", "u2", "u3"]


@pytest.mark.slow
@pytest.mark.parametrize("outage", [away, stopped], ids=["killed, and empty when it is back", "stopped"])
async def test_nobody_seems_to_come_or_go_when_redis_goes_and_when_it_is_back(
    start: Start,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    looks_at_redis: Looks,
    looks_at_rows: Looks,
    outage: Callable[[RedisServer], contextlib.AbstractContextManager[None]],
) -> None:
    processes = [await start() for _ in range(3)]
    *early, late = processes
    for number, process in enumerate(processes):
        for person in ("u0", f"u{number + 1}", f"g{number}"):
            await process.enter("online", person)
    async with watching(*processes) as seen:
        async with contextlib.AsyncExitStack() as stack:
            with outage(redis_server):
                await apart(*processes)
                await looks_at_rows.several_more(*(process.process for process in processes))
                await stack.enter_async_context(blind(late, monkeypatch))
            await returned(*early)
            await looks_at_rows.several_more(*(process.process for process in processes))
        await apart(*processes, are=False)
        await looks_at_redis.several_more(*(process.process for process in processes))
        assert seen == [[7], [7], [7]]


@pytest.mark.slow
async def test_the_rows_go_when_redis_is_back_and_it_knows_what_has_changed(
    start: Start, redis_server: RedisServer
) -> None:
    one, two = await start(), await start()
    await one.enter("online", "stays")
    await one.enter("online", "leaves")
    with away(redis_server):
        await apart(one, two)
        await one.leave("online", "leaves")
        await two.enter("online", "comes")
        assert await in_database_thread(ProcessPresence.objects.count) == 2
    await apart(one, two, are=False)
    assert sorted(await one.people("online")) == ["comes", "stays"]
    await await_for(
        lambda: in_database_thread(lambda: not ProcessPresence.objects.exists()), that="the rows are deleted"
    )


def has_expired(redis_server: RedisServer, process: PresenceTracker) -> bool:
    lease = redis_server.client.zscore("hub:presence:processes", process.process)
    seconds, _ = redis_server.client.time()
    return lease is not None and float(lease) < seconds


@pytest.mark.slow
async def test_who_was_alive_all_the_time_is_not_told_of_as_gone_after_a_long_stop(
    start: Start,
    redis_server: RedisServer,
    settings: Settings,
    departed: list[list[str]],
    looks_at_redis: Looks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.HUB_LEASE_SECONDS, settings.HUB_LEASE_BEAT = 2.0, TURN  # each look renews the lease and finds the dead
    one, two = await start(), await start()
    await one.enter("online", "u1")
    await two.enter("online", "u2")
    async with contextlib.AsyncExitStack() as stack:
        with stopped(redis_server):
            await apart(one, two)
            await stack.enter_async_context(blind(two, monkeypatch))
        # Redis may have renewed it when it went on: what was sent to it meanwhile is done then.
        await await_for(partial(has_expired, redis_server, two), that="a lease has expired")
        await looks_at_redis.several_more(one.process)
    await apart(one, two, are=False)
    await looks_at_redis.several_more(one.process, two.process)
    assert departed == []
    assert sorted(await one.people("online")) == ["u1", "u2"]


@pytest.mark.slow
async def test_people_of_a_process_that_dies_meanwhile_are_not_counted_when_its_row_has_expired(
    start: Start, redis_server: RedisServer, settings: Settings
) -> None:
    settings.HUB_LEASE_SECONDS, settings.HUB_LEASE_BEAT = 1.5, 0.3
    one, two = await start(), await start()
    await one.enter("online", "u1")
    await two.enter("online", "u2")
    with away(redis_server):
        await apart(one, two)
        await counts(one, wanted=2)
        await two.close()
        assert await one.count("online") == 2  # users are expected back
        await counts(one, wanted=1)


async def test_one_that_starts_without_redis_knows_and_is_known(start: Start, redis_server: RedisServer) -> None:
    one = await start()
    await one.enter("online", "u1")
    with away(redis_server):
        await apart(one)
        await counts(one, wanted=1)  # its row is written
        two = await start()
        assert await two.count("online") == 1
        assert not await two.enter("online", "u1")
        await two.enter("online", "u2")
        await counts(one, two, wanted=2)


@pytest.mark.slow
async def test_nothing_is_written_while_redis_is_well_and_nothing_when_nothing_changes(
    start: Start,
    redis_server: RedisServer,
    looks_at_redis: Looks,
    looks_at_rows: Looks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []
    store = process_rows.store

    def counted(process: str, people: str, *, revision: int, returned: bool) -> None:
        written.append(people)
        store(process, people, revision=revision, returned=returned)

    monkeypatch.setattr(process_rows, "store", counted)
    one = await start()
    await one.enter("online", "u1")
    await looks_at_redis.several_more(one.process)
    assert (written, len(looks_at_rows.by)) == ([], 1)
    with away(redis_server):
        await apart(one)
        await counts(one, wanted=1)
        began = time.monotonic()
        written.clear()
        looks_at_rows.by.clear()
        for number in range(200):
            await one.enter("online", f"g{number}")
            await asyncio.sleep(0)
        await await_for(lambda: written and written[-1] == '{"online":[200,["u1"]]}', that="all are written")
        await looks_at_rows.several_more(one.process)
        turns = (time.monotonic() - began) / TURN
        assert len(written) <= turns + 1
        assert len(looks_at_rows.by) <= turns + 1
        written.clear()
        await looks_at_rows.several_more(one.process)
        assert written == []


async def test_a_row_has_bounds_and_people_beyond_them_are_counted_all_the_same(
    start: Start, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_rows, "NAMED", 10)
    one, two = await start(), await start()
    for number in range(25):
        await one.enter("online", f"u{number}")
    with away(redis_server):
        await apart(one, two)
        assert await two.count("online") == 25
        assert len(await two.people("online")) == 10


@pytest.mark.slow
async def test_without_the_database_either_each_process_counts_its_own_and_learns_more_later(
    start: Start, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(database_backend, "GRACE", 0.5)
    one, two = await start(), await start()
    await one.enter("online", "u1")
    await two.enter("online", "u2")
    with away(redis_server):
        with monkeypatch.context() as patched:
            patched.setattr(process_rows, "store", fails)
            await apart(one, two)
            assert await one.count("online") == 1
        await counts(one, two, wanted=2)


@pytest.mark.slow
async def test_a_row_that_cannot_be_read_is_of_nobody(
    start: Start, redis_server: RedisServer, looks_at_rows: Looks
) -> None:
    one = await start()
    with away(redis_server):
        await apart(one)
        await in_database_thread(process_rows.store, "newer", "[]", revision=1, returned=False)
        await one.enter("online", "u1")
        await looks_at_rows.several_more(one.process)
        assert await one.count("online") == 1


@pytest.mark.slow
async def test_who_went_on_with_a_redis_that_is_away_again_is_not_gone(looks_at_rows: Looks) -> None:
    async def write(revision: int) -> None:
        people = process_rows.encode({"room:1": {"u2": 1}})
        await in_database_thread(process_rows.store, "two", people, revision=revision, returned=False)

    await write(1)
    records = LocalRecords()
    records.add("room:1", "u1")
    one = DatabaseBackend("one", records, lambda: None)
    try:
        one.begin({"two"})
        assert await one.count("room:1") == 2
        await in_database_thread(process_rows.forget, "two")  # as it does when all have returned
        await looks_at_rows.several_more("one")
        assert await one.count("room:1") == 2
        # All have returned, and then Redis is away once more, before this process has gone on with it.
        one.returned({"two"})
        one.begin({"two"})
        counting = asyncio.create_task(one.count("room:1"))
        await looks_at_rows.several_more("one")
        assert not counting.done()
        await write(2)
        assert await counting == 2
    finally:
        await one.close()
