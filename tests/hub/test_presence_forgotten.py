"""A Redis that forgot everything so quickly that nobody missed it: nobody who stayed is shown as gone meanwhile."""

from collections.abc import AsyncIterator, Callable

import pytest
from pytest_django.fixtures import Settings

from hub.presence import Presence
from rig.redis_server import RedisServer
from rig.waiting import await_for

pytestmark = pytest.mark.django_db(transaction=True)


def emptied(redis_server: RedisServer) -> None:
    redis_server.client.flushall()


def started_anew(redis_server: RedisServer) -> None:
    redis_server.kill()
    redis_server.start()


@pytest.fixture
async def two(settings: Settings) -> AsyncIterator[tuple[Presence, Presence]]:
    """The presence of two processes, which have no reason to beat soon: three people at one of them, two at the other,
    one of whom is at both."""
    settings.HUB_LEASE_BEAT = 60.0  # nobody is to be saved by chance
    one, other = Presence(), Presence()
    for person in ("u1", "u2", "u3"):
        await one.enter("room:1", person)
    for person in ("u3", "u4"):
        await other.enter("room:1", person)
    yield one, other
    await one.close()
    await other.close()


@pytest.mark.parametrize("forgets", [emptied, started_anew])
async def test_nobody_is_shown_as_gone_by_a_redis_that_forgot(
    two: tuple[Presence, Presence], redis_server: RedisServer, forgets: Callable[[RedisServer], None]
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


async def test_who_is_elsewhere_neither_joins_nor_leaves_because_redis_forgot(
    two: tuple[Presence, Presence], redis_server: RedisServer
) -> None:
    one, other = two
    emptied(redis_server)
    assert not await other.enter("room:1", "u1")
    assert not await one.leave("room:1", "u3")
    assert await one.leave("room:1", "u2")


async def test_a_process_that_redis_forgot_sees_it_at_its_next_look(
    two: tuple[Presence, Presence], redis_server: RedisServer
) -> None:
    one, _ = two
    emptied(redis_server)
    await await_for(lambda: redis_server.client.zcard(f"{one._key}processes") == 2, timeout=15, that="both are back")
    await await_for(lambda: not one.is_apart, timeout=15, that="Redis knows everybody again")
    assert redis_server.client.hlen(f"{one._key}at:room:1") == 4
