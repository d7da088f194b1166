"""The hub's own connection to Redis, for what the channel layer does not do: presence."""

import asyncio

from django.conf import settings
from redis import asyncio as redis

from hub.conf import hub_settings


def connect() -> redis.Redis:
    """A client for the running event loop; the caller closes it. Each command fails within ``HUB_REDIS_TIMEOUT``."""
    asyncio.get_running_loop()
    timeout = hub_settings().redis_timeout
    client: redis.Redis = redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        health_check_interval=10,
        max_connections=20,
        # Commands that must not run twice are made so that they may; one try keeps the bound.
        retry=None,
    )
    return client
