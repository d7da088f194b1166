"""Presence: several processes are several ``Presence`` objects, since nothing but Redis connects them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from pytest_django.fixtures import Settings

from hub.presence import tracker
from hub.presence.tracker import PresenceTracker
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for

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


async def test_three_tabs_are_one_person(start: Start) -> None:
    one = await start()
    assert [await one.enter("room:1", "u1") for _ in range(3)] == [True, False, False]
    assert await one.count("room:1") == 1
    assert [await one.leave("room:1", "u1") for _ in range(3)] == [False, False, True]
    assert await one.count("room:1") == 0


async def test_a_person_on_two_processes_comes_once_and_leaves_once(start: Start) -> None:
    one, two = await start(), await start()
    assert await one.enter("room:1", "u1")
    assert not await two.enter("room:1", "u1")
    assert await two.count("room:1") == 1
    assert not await one.leave("room:1", "u1")
    assert await two.leave("room:1", "u1")


async def test_of_many_who_enter_at_the_same_time_exactly_one_is_the_first(start: Start) -> None:
    processes = [await start() for _ in range(5)]
    for round_ in range(10):
        person = f"u{round_}"
        assert sum(await asyncio.gather(*(each.enter("room:1", person) for each in processes))) == 1
        assert sum(await asyncio.gather(*(each.leave("room:1", person) for each in processes))) == 1


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


async def test_channels_are_counted_apart(start: Start) -> None:
    one = await start()
    await one.enter("room:1", "u1")
    await one.enter("online", "g0")
    await one.enter("online", "u1")
    assert (await one.count("room:1"), await one.count("online")) == (1, 2)
    assert sorted(await one.people("online")) == ["g0", "u1"]


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
    await await_for(lambda: departed, timeout=10, that="the dead process is noticed")
    assert departed == [("room:1", ["u1", "u3"])]
    assert await two.people("room:1") == ["u2"]


async def test_who_comes_back_elsewhere_before_the_lease_expires_has_neither_left_nor_joined(
    start: Start, settings: Settings, departed: list[tuple[str, list[str]]]
) -> None:
    settings.HUB_LEASE_SECONDS, settings.HUB_LEASE_BEAT = LEASE, 0.1
    one, stopped = await start(), await start()
    await stopped.enter("room:1", "u1")
    await stopped.close()
    assert not await one.enter("room:1", "u1")
    processes = f"{one._key}processes"
    await await_for(lambda: _number_of(one, processes, 1), timeout=10, that="the lease of the other expires")
    assert departed == []
    assert await one.count("room:1") == 1


async def _number_of(one: PresenceTracker, key: str, wanted: int) -> bool:
    return int(await one._redis.zcard(key)) == wanted


async def test_a_redis_that_forgot_everything_learns_it_again(start: Start, redis_server: RedisServer) -> None:
    one = await start()
    await one.enter("room:1", "u1")
    redis_server.client.flushall()
    await one._renew()  # the next beat
    assert await one.count("room:1") == 1
    assert await one.leave("room:1", "u1")


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
    await await_for(lambda: _people_are(two, ["comes", "stays"]), timeout=10, that="Redis knows again")


async def _people_are(process: PresenceTracker, people: list[str]) -> bool:
    return process._has_lease and sorted(await process.people("room:1")) == people


async def test_one_redis_write_per_process_and_beat_whatever_the_number_of_people(
    start: Start, redis_server: RedisServer
) -> None:
    one = await start()
    for number in range(50):
        await one.enter("room:1", f"u{number}")

    def scripts_run() -> int:
        return int(redis_server.client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    before = scripts_run()
    await one._renew()
    assert scripts_run() - before == 1


async def test_a_turn_is_taken_by_one_process_at_a_time(start: Start) -> None:
    one, two = await start(), await start()
    await one.enter("room:1", "u1")
    await two.enter("room:1", "u1")
    assert await one.take_turn("count", 1.0)
    assert not await two.take_turn("count", 1.0)
    await await_for(lambda: two.take_turn("count", 1.0), timeout=10, that="the turn is free again")


async def test_many_who_come_at_once_wait_their_turn_and_redis_is_not_taken_for_dead(start: Start) -> None:
    one, two = await start(), await start()
    results = await asyncio.gather(*(one.enter("online", f"g{number}") for number in range(300)))
    assert all(results)
    assert one._has_lease
    assert await two.count("online") == 300


async def test_on_a_clean_end_guests_are_gone_and_users_are_expected_back(start: Start) -> None:
    one, two = await start(), await start()
    for person in ("g1", "g2", "u1"):
        await one.enter("online", person)
    await one.close()
    assert await two.people("online") == ["u1"]


async def test_who_is_cancelled_while_entering_can_leave(start: Start) -> None:
    one = await start()
    await one.enter("online", "u2")
    entering = asyncio.create_task(one.enter("online", "u1"))
    await asyncio.sleep(0)
    entering.cancel()
    await asyncio.gather(entering, return_exceptions=True)
    await one.leave("online", "u1")
    assert await one.people("online") == ["u2"]
    assert one._here == {"online": {"u2": 1}}
