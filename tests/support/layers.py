"""Channel layers of each kind that a project may set."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

from channels.layers import BaseChannelLayer, InMemoryChannelLayer, channel_layers
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings

from hub.bus.redis_layer import HubChannelLayer


@contextlib.asynccontextmanager
async def default_layer(kind: str) -> AsyncIterator[BaseChannelLayer]:
    """A layer of this kind, apart from all others on its Redis, as the default one of this process."""
    made = _made(kind)
    before = channel_layers.backends.pop("default", None)
    channel_layers.set("default", made)
    yield made
    del channel_layers.backends["default"]
    if before is not None:
        channel_layers.set("default", before)
    # The layer's receiver now and then swallows the cancellation of flush(), which then waits for it without end.
    # The timeout cancels it once more.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await made.flush()


def _made(kind: str) -> Any:
    config = cast("dict[str, Any]", settings.CHANNEL_LAYERS["default"]["CONFIG"])
    config = {**config, "prefix": f"test-{uuid.uuid4().hex}"}
    match kind:
        case "redis":
            return HubChannelLayer(**config)
        case "channels_redis.pubsub":
            return RedisPubSubChannelLayer(**config)
        case "channels_redis.core":
            return RedisChannelLayer(hosts=[{"address": settings.HUB_REDIS_URL, "socket_timeout": None}])
        case _:
            return InMemoryChannelLayer()
