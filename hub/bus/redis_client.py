"""The hub's own connection to Redis, for what the channel layer does not do: presence."""

import asyncio

from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from hub.config import hub_settings

#: Connections of one client; more commands than that at a time wait for one.
CONNECTIONS = 8


def connect() -> redis.Redis:
    """A client for the running event loop; the caller closes it. Each command fails within ``HUB_REDIS_TIMEOUT``."""
    asyncio.get_running_loop()
    timeout = hub_settings().redis_timeout
    # Blocking: a thousand people who arrive at once wait their turn, instead of looking like a Redis that is away.
    pool = redis.BlockingConnectionPool.from_url(
        hub_settings().redis_url,
        timeout=None,
        max_connections=CONNECTIONS,
        decode_responses=True,
        # What is no text stays what it is, for whoever reads it to leave out, and can be named to Redis again.
        encoding_errors="surrogateescape",
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        health_check_interval=10,
        # One try keeps the bound.
        retry=Retry(NoBackoff(), 0),
    )
    return redis.Redis.from_pool(pool)
