"""A Redis that forgot everything so quickly that nobody missed it: nobody who stayed is shown as gone meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from pytest_django.fixtures import Settings

from hub.presence import database_presence
from hub.presence.tracker import PresenceTracker
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for

pytestmark = pytest.mark.django_db(transaction=True)


def emptied(redis_server: RedisServer) -> None:
    redis_server.client.flushall()


def started_anew(redis_server: RedisServer) -> None:
    redis_server.kill()
    redis_server.start()


def has_looked_since(one: PresenceTracker, read_at: float) -> Callable[[], bool]:
    return lambda: one._database_presence._read_at > read_at


@pytest.fixture
async def two(settings: Settings) -> AsyncIterator[tuple[PresenceTracker, PresenceTracker]]:
    """The presence of two processes, which have no reason to beat soon: three people at one of them, two at the other,
    one of whom is at both."""
    settings.HUB_REDIS_TIMEOUT = 10  # a busy machine is waited for
    settings.HUB_LEASE_BEAT = 60.0  # nobody is to be saved by chance
    one, other = PresenceTracker(), PresenceTracker()
    for person in ("u1", "u2", "u3"):
        await one.enter("room:1", person)
    for person in ("u3", "u4"):
        await other.enter("room:1", person)
    await await_for(lambda: one._others and other._others, timeout=15, that="they know of each other")
    yield one, other
    await one.close()
    await other.close()


@pytest.mark.parametrize("forgets", [emptied, started_anew])
async def test_nobody_is_shown_as_gone_by_a_redis_that_forgot(
    two: tuple[PresenceTracker, PresenceTracker], redis_server: RedisServer, forgets: Callable[[RedisServer], None]
) -> None:
    assert [await one.count("room:1") for one in two] == [4, 4]
    forgets(redis_server)
    counted = [await one.count("room:1") for one in two]
    listed = [sorted(await one.people("room:1")) for one in two]
    assert (counted, listed) == ([4, 4], [["u1", "u2", "u3", "u4"]] * 2)

    async def is_well() -> bool:
        return not any(one.is_apart for one in two)

    await await_for(is_well, timeout=15, that="Redis knows everybody again")
    assert [await one.count("room:1") for one in two] == [4, 4]


async def test_a_process_that_renews_its_lease_does_not_take_the_others_for_gone(
    two: tuple[PresenceTracker, PresenceTracker], redis_server: RedisServer
) -> None:
    one, _ = two
    emptied(redis_server)
    await one._renew()  # its time had come
    assert await one.count("room:1") == 4


@pytest.mark.slow
async def test_a_process_of_which_redis_has_not_everybody_yet_is_waited_for(
    two: tuple[PresenceTracker, PresenceTracker], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    monkeypatch.setattr(database_presence, "GRACE", 60.0)
    told = asyncio.Event()
    monkeypatch.setattr(other._database_presence, "_write", lambda _: told.wait())  # a database that is slow just now
    async with contextlib.AsyncExitStack() as stack:
        for lock in other._locks:  # as somebody has who enters just now
            await stack.enter_async_context(lock)
        emptied(redis_server)
        key = f"{one._key}processes"
        await await_for(lambda: redis_server.client.zcard(key) == 2, timeout=15, that="both have their leases")
        for _ in range(5):
            await one._look_after()
            read_at = one._database_presence._read_at
            await await_for(has_looked_since(one, read_at), timeout=15, that="it has looked for rows")
        assert one.is_apart
    told.set()
    await await_for(lambda: not one.is_apart, timeout=15, that="Redis knows everybody again")
    assert await one.count("room:1") == 4


async def test_who_is_elsewhere_neither_joins_nor_leaves_because_redis_forgot(
    two: tuple[PresenceTracker, PresenceTracker], redis_server: RedisServer
) -> None:
    one, other = two
    emptied(redis_server)
    assert not await other.enter("room:1", "u1")
    assert not await one.leave("room:1", "u3")
    assert await one.leave("room:1", "u2")


async def test_a_process_that_redis_forgot_sees_it_at_its_next_look(
    two: tuple[PresenceTracker, PresenceTracker], redis_server: RedisServer
) -> None:
    one, _ = two
    emptied(redis_server)
    await await_for(lambda: redis_server.client.zcard(f"{one._key}processes") == 2, timeout=15, that="both are back")
    await await_for(lambda: not one.is_apart, timeout=15, that="Redis knows everybody again")
    assert redis_server.client.hlen(f"{one._key}at:room:1") == 4
