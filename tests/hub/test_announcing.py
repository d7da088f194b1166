"""Announcing from a process that is no server, to a real Redis."""

import pytest

from hub import announcing
from hub.streams import Item
from rig.redis_server import RedisServer


@pytest.fixture
def items() -> list[Item]:
    """More than one round trip takes."""
    return [Item("everyone", "aa", number, "{}") for number in range(1, 4 * announcing.ROUND_TRIP)]


def published(redis_server: RedisServer) -> int:
    """PUBLISH commands that Redis has had."""
    return int(redis_server.client.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"])


def test_flushing_returns_when_redis_has_everything(redis_server: RedisServer, items: list[Item]) -> None:
    before = published(redis_server)
    announcing.announce(items)
    assert announcing.flush(10)
    assert published(redis_server) - before == len(items)
    assert announcing.flush(10), "there is nothing to wait for"


def test_flushing_gives_up_in_time_when_redis_does_not_answer(redis_server: RedisServer, items: list[Item]) -> None:
    announcing.announce(items[:1])
    assert announcing.flush(10)
    redis_server.client.client_pause(300, all=True)
    announcing.announce(items[:1])
    assert not announcing.flush(0.1)
    assert announcing.flush(10)
