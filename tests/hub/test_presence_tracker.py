"""The tracker of a process: what it counts by itself, and what it makes of a backend that comes and goes.

What a backend promises is in ``test_presence_contract``. Several processes are several trackers, since nothing but
Redis and the database connects them.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import pytest
from django.db import OperationalError
from pytest_django.fixtures import Settings

from hub.presence import process_rows, tracker
from hub.presence.contract import BackendUnavailable, Departed
from hub.presence.records import LocalRecords
from hub.presence.redis_backend import RedisBackend
from hub.presence.tracker import PresenceTracker
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for
from tests.support.layers import default_layer

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[[], Awaitable[PresenceTracker]]

#: Seconds of leases that are to expire: all "processes" are this one, and must not lose theirs where it stands still.
LEASE = 2.0


@pytest.fixture(autouse=True)
def patient(settings: Settings) -> None:
    """A Redis that is away is noticed at once; only one that hangs, or a busy machine, is waited for."""
    settings.HUB_REDIS_TIMEOUT = 10


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts the presence of one more process."""
    started = []

    async def one_more() -> PresenceTracker:
        started.append(PresenceTracker())
        return started[-1]

    yield one_more
    for one in started:
        await one.close()


@pytest.fixture
def departed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """What was told of people whose process died."""
    told: list[tuple[str, list[str]]] = []

    async def tell(channel: str, people: list[str]) -> None:
        told.append((channel, sorted(people)))

    monkeypatch.setattr(tracker, "_departed", {"room": [tell]})
    return told


@pytest.mark.slow
async def test_connections_that_come_while_another_one_leaves_are_each_in_their_first_count(start: Start) -> None:
    one = await start()

    async def enter_and_count() -> int:
        await one.enter("room:1", "u1")
        return await one.count("room:1")

    for _ in range(20):
        assert await enter_and_count() == 1
        _, *counts = await asyncio.gather(one.leave("room:1", "u1"), *(enter_and_count() for _ in range(3)))
        assert counts == [1, 1, 1]
        for _ in range(3):
            await one.leave("room:1", "u1")


@pytest.mark.slow
async def test_who_leaves_while_presence_ends_keeps_no_connection(redis_server: RedisServer) -> None:
    before = len(redis_server.client.client_list())
    for _ in range(5):
        one = PresenceTracker()
        await asyncio.gather(*(one.enter("room:1", f"u{number}") for number in range(20)))
        leaving = [asyncio.create_task(one.leave("room:1", f"u{number}")) for number in range(20)]
        await asyncio.sleep(0)  # each has asked
        await asyncio.gather(one.close(), *leaving)
    # Fewer, where one of a test before was about to be closed.
    await await_for(
        lambda: len(redis_server.client.client_list()) <= before, that="all connections to Redis are closed"
    )


@pytest.mark.slow
async def test_people_of_a_process_that_died_are_removed_and_told_of_once(
    start: Start, settings: Settings, departed: list[tuple[str, list[str]]]
) -> None:
    settings.HUB_LEASE_SECONDS, settings.HUB_LEASE_BEAT = LEASE, 0.1
    one, two, dead = await start(), await start(), await start()
    await dead.enter("room:1", "u1")
    await dead.enter("room:1", "u2")
    await dead.enter("room:1", "u3")
    await one.enter("room:1", "u2")  # who is elsewhere too has not left
    await dead.close()
    await await_for(lambda: departed, that="the dead process is noticed")
    assert departed == [("room:1", ["u1", "u3"])]
    assert await two.people("room:1") == ["u2"]


async def test_nobody_more_is_told_as_departed_once_redis_is_away(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, told = await start(), []

    async def tell(channel: str, people: list[str]) -> None:
        told.extend(people)
        monkeypatch.setattr(RedisBackend, "renew", fail)
        monkeypatch.setattr(RedisBackend, "enter", fail)
        await one.enter("room:2", "u9")  # which tells that Redis is away

    async def fail(backend: RedisBackend, *record: str) -> bool:
        raise BackendUnavailable("away")

    async def expired(backend: RedisBackend) -> AsyncGenerator[Departed, None]:
        yield {"room:1": ["u1"]}
        yield {"room:1": ["u2"]}

    await one.enter("room:1", "u1")
    monkeypatch.setattr(tracker, "_departed", {"room": [tell]})
    monkeypatch.setattr(RedisBackend, "remove_expired", expired)
    await one.renew()
    assert one.is_apart
    assert told == ["u1"]


async def test_app_that_never_ends_to_hear_of_departed_people_stops_no_heartbeat(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, told = await start(), []

    async def tell(channel: str, people: list[str]) -> None:
        told.extend(people)
        await asyncio.Event().wait()

    async def expired(backend: RedisBackend) -> AsyncGenerator[Departed, None]:
        yield {"room:1": ["u1"]}
        yield {"room:1": ["u2"]}

    await one.enter("room:1", "u9")
    monkeypatch.setattr(tracker, "LATE", 0.05)
    monkeypatch.setattr(tracker, "_departed", {"room": [tell]})
    monkeypatch.setattr(RedisBackend, "remove_expired", expired)
    await asyncio.wait_for(one.renew(), 20)
    assert told[:2] == ["u1", "u2"]


async def test_a_redis_that_forgot_everything_learns_it_again(
    start: Start, redis_server: RedisServer, settings: Settings
) -> None:
    one = await start()
    await one.enter("room:1", "u1")
    redis_server.client.flushall()
    settings.HUB_LEASE_BEAT = 1e-9
    await one.renew()
    assert await one.count("room:1") == 1
    assert await one.leave("room:1", "u1")


@pytest.mark.slow
async def test_what_changed_while_redis_was_away_is_told_when_it_is_back(
    start: Start, redis_server: RedisServer
) -> None:
    one, two = await start(), await start()
    await one.enter("room:1", "stays")
    await one.enter("room:1", "leaves")
    redis_server.stop()
    try:
        assert await one.enter("room:1", "comes")
        assert await one.leave("room:1", "leaves")
        assert await one.count("room:1") == 2
        assert sorted(await one.people("room:1")) == ["comes", "stays"]
    finally:
        redis_server.start()
    await await_for(lambda: _people_are(two, ["comes", "stays"]), that="Redis knows again")


async def _people_are(process: PresenceTracker, people: list[str]) -> bool:
    return not process.is_apart and sorted(await process.people("room:1")) == people


async def test_one_redis_write_per_process_and_heartbeat_whatever_the_number_of_people(
    redis_server: RedisServer, settings: Settings
) -> None:
    settings.HUB_LEASE_BEAT = 1e-9
    backend = RedisBackend("one", LocalRecords(), lambda: None)
    await backend.renew()
    for number in range(50):
        await backend.enter("room:1", f"u{number}")

    async def scripts_run() -> int:
        def calls() -> int:
            return int(redis_server.client.info("commandstats")["cmdstat_evalsha"]["calls"])

        before = calls()
        await backend.renew()
        return calls() - before

    assert await scripts_run() == 2  # the lease, and who else is there
    settings.HUB_LEASE_BEAT = 60
    assert await scripts_run() == 1  # who else is there
    await backend.close()


@pytest.mark.slow
async def test_many_who_come_at_once_wait_their_turn_and_redis_is_not_taken_for_dead(start: Start) -> None:
    one, two = await start(), await start()
    results = await asyncio.gather(*(one.enter("online", f"g{number}") for number in range(300)))
    assert all(results)
    assert not one.is_apart
    assert await two.count("online") == 300


async def test_who_is_cancelled_while_entering_can_leave(start: Start) -> None:
    one = await start()
    await one.enter("online", "u2")
    entering = asyncio.create_task(one.enter("online", "u1"))
    await asyncio.sleep(0)
    entering.cancel()
    await asyncio.gather(entering, return_exceptions=True)
    await one.leave("online", "u1")
    assert await one.people("online") == ["u2"]
    assert (one.connections("online", "u1"), one.connections("online", "u2")) == (0, 1)


async def test_with_a_channel_layer_in_memory_presence_needs_neither_redis_nor_the_database(
    start: Start, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> None:
        raise OperationalError("not to be asked")

    monkeypatch.setattr(process_rows, "read", fails)
    redis_server.stop()
    try:
        async with default_layer("memory"):
            one = await start()
            assert [await one.enter("online", person) for person in ("u1", "u1", "g1")] == [True, False, True]
            assert (await one.count("online"), one.is_apart) == (2, False)
            assert await one.leave("online", "g1")
            assert await one.people("online") == ["u1"]
            assert await one.take_turn("count", 60.0)
            assert not await one.take_turn("count", 60.0)
    finally:
        redis_server.start()
