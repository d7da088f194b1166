"""A Redis that forgot everything so quickly that nobody missed it: nobody who stayed is shown as gone meanwhile."""

import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
from pytest_django.fixtures import Settings

from hub.presence import database_backend, process_rows
from hub.presence.tracker import PresenceTracker
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for

pytestmark = pytest.mark.django_db(transaction=True)


def emptied(redis_server: RedisServer) -> None:
    redis_server.client.flushall()


def started_anew(redis_server: RedisServer) -> None:
    redis_server.kill()
    redis_server.start()


def leases(redis_server: RedisServer) -> int:
    return int(redis_server.client.zcard("hub:presence:processes"))


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
    await await_for(lambda: one.others and other.others, that="they know of each other")
    yield one, other
    await one.close()
    await other.close()


@pytest.mark.slow
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

    await await_for(is_well, that="Redis knows everybody again")
    assert [await one.count("room:1") for one in two] == [4, 4]


@pytest.mark.slow
async def test_a_process_that_renews_its_lease_does_not_take_the_others_for_gone(
    two: tuple[PresenceTracker, PresenceTracker], redis_server: RedisServer, settings: Settings
) -> None:
    one, _ = two
    emptied(redis_server)
    settings.HUB_LEASE_BEAT = 1e-9  # its time has come
    await one.renew()
    assert await one.count("room:1") == 4


@pytest.mark.slow
async def test_a_process_of_which_redis_has_not_everybody_yet_is_waited_for(
    two: tuple[PresenceTracker, PresenceTracker], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    monkeypatch.setattr(database_backend, "GRACE", 60.0)
    looks: list[str] = []
    is_fast = threading.Event()
    read, store = process_rows.read, process_rows.store

    def counted(process: str, known: Mapping[str, int]) -> list[process_rows.Row]:
        looks.append(process)
        return read(process, known)

    def slow(process: str, people: str, *, revision: int, returned: bool) -> None:
        assert process != other.process or is_fast.wait(60)
        store(process, people, revision=revision, returned=returned)

    monkeypatch.setattr(process_rows, "read", counted)
    monkeypatch.setattr(process_rows, "store", slow)
    async with contextlib.AsyncExitStack() as stack:
        for lock in other._shared._locks:  # type: ignore[attr-defined]  # as somebody has who enters just now
            await stack.enter_async_context(lock)
        emptied(redis_server)
        await await_for(lambda: leases(redis_server) == 2, that="both have their leases")
        for _ in range(5):
            await one.renew()
            looks.clear()
            await await_for(lambda: one.process in looks, that="it has looked for rows")
        assert one.is_apart
    is_fast.set()
    await await_for(lambda: not one.is_apart, that="Redis knows everybody again")
    assert await one.count("room:1") == 4


@pytest.mark.slow
async def test_who_is_elsewhere_neither_joins_nor_leaves_because_redis_forgot(
    two: tuple[PresenceTracker, PresenceTracker], redis_server: RedisServer
) -> None:
    one, other = two
    emptied(redis_server)
    assert not await other.enter("room:1", "u1")
    assert not await one.leave("room:1", "u3")
    assert await one.leave("room:1", "u2")


@pytest.mark.slow
async def test_redis_says_who_is_elsewhere_where_it_is_back_before_any_row_was_read(
    two: tuple[PresenceTracker, PresenceTracker], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(process: str, known: Mapping[str, int]) -> list[process_rows.Row]:
        return []

    one, other = two
    monkeypatch.setattr(process_rows, "read", nothing)
    emptied(redis_server)
    assert not await other.enter("room:1", "u1")
    await await_for(lambda: not one.is_apart, that="Redis knows everybody again")
    emptied(redis_server)
    assert not await one.leave("room:1", "u3")


@pytest.mark.slow
async def test_a_process_that_redis_forgot_sees_it_at_its_next_look(
    two: tuple[PresenceTracker, PresenceTracker], redis_server: RedisServer
) -> None:
    one, _ = two
    emptied(redis_server)
    await await_for(lambda: leases(redis_server) == 2, that="both are back")
    await await_for(lambda: not one.is_apart, that="Redis knows everybody again")
    assert redis_server.client.hlen("hub:presence:at:room:1") == 4
