"""A Redis that one test had away is there for the next one."""

import time

from hub.bus import announcer
from hub.limits import Limit, rates
from lab.harness.redis_server import RedisServer
from tests.support import outages
from worker import sending

LIMIT = Limit("trial", "limit_signup", "You have tried too often.")


def test_next_test_takes_redis_for_one_that_is_there(redis_server: RedisServer) -> None:
    redis_server.stop()
    try:
        rates.take(LIMIT, "ann")
    finally:
        redis_server.start()
    sending._pause()
    announcer._current()._paused_until = float("inf")
    outages.forget()
    assert not outages.takes_the_broker_for_away()
    assert announcer._current()._paused_until < time.monotonic()
    rates.take(LIMIT, "ann")
    assert redis_server.client.keys("*limits*")
