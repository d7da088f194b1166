"""Publishing to a real Redis that closes connections, refuses, or is away."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from channels_redis.utils import decode_hosts
from django.conf import settings
from redis.client import PubSub
from redis.exceptions import RedisError, ResponseError

from hub.bus.redis_publisher import Publisher
from lab.harness.redis_server import RedisServer


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    config: Any = settings.CHANNEL_LAYERS["default"]["CONFIG"]
    publisher = Publisher(decode_hosts(config["hosts"])[0])
    yield publisher
    await publisher.close()


@pytest.fixture
def heard(redis_server: RedisServer) -> Iterator[PubSub]:
    with redis_server.client.pubsub() as subscription:  # type: ignore[no-untyped-call]  # redis-py has no types here
        subscription.subscribe("here")
        confirmation = subscription.get_message(timeout=20)
        assert confirmation is not None
        assert confirmation["type"] == "subscribe"
        yield subscription


def next_of(heard: PubSub) -> bytes:
    message = heard.get_message(timeout=20)
    assert message is not None
    data: bytes = message["data"]
    return data


async def test_all_are_published_in_order_and_together(
    publisher: Publisher, heard: PubSub, redis_server: RedisServer
) -> None:
    texts = [b"%d" % number for number in range(300)]
    await publisher.publish([("here", text) for text in texts])
    assert [next_of(heard) for _ in texts] == texts
    await publisher.publish([("here", b"x" * 200_000), ("nowhere", b""), ("here", b"\xff")])
    assert [next_of(heard) for _ in range(2)] == [b"x" * 200_000, b"\xff"]


async def test_a_connection_that_redis_has_closed_is_replaced_and_nothing_is_lost(
    publisher: Publisher, heard: PubSub, redis_server: RedisServer
) -> None:
    await publisher.publish([("here", b"first")])
    connection = publisher._connection
    redis_server.client.client_kill_filter(_type="normal", skipme=True)
    await publisher.publish([("here", b"second")])
    assert publisher._connection is not connection
    assert [next_of(heard) for _ in range(2)] == [b"first", b"second"]


async def test_what_redis_refuses_is_an_error_and_the_next_one_is_not(
    publisher: Publisher, heard: PubSub, redis_server: RedisServer
) -> None:
    redis_server.client.acl_setuser("default", enabled=True, commands=["-publish"])
    try:
        with pytest.raises(ResponseError):
            await publisher.publish([("here", b"refused"), ("here", b"refused")])
    finally:
        redis_server.client.acl_setuser("default", enabled=True, commands=["+publish"])
    await publisher.publish([("here", b"taken")])
    assert next_of(heard) == b"taken"


async def test_redis_that_is_away_is_an_error_and_back_it_is_none(
    publisher: Publisher, redis_server: RedisServer
) -> None:
    await publisher.publish([("here", b"first")])
    redis_server.stop()
    try:
        with pytest.raises((OSError, RedisError)):
            await publisher.publish([("here", b"lost")])
    finally:
        redis_server.start()
    await publisher.publish([("here", b"second")])
