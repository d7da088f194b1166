"""What a web process starts before its first request and ends after its last (ASGI lifespan)."""

import gc
from typing import Any

from hub.concurrency import node
from hub.database import threads


def start() -> None:
    """Start the parts of this process."""
    node.start()
    gc.collect()
    gc.freeze()  # modules, models, URL patterns: they stay, so nobody need look at them again


async def stop() -> None:
    """End them, each before those that it uses."""
    await node.close()
    threads.close_all()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for the ``lifespan`` scope. Servers without it work too: the parts start on first use."""
    await receive()  # lifespan.startup
    start()
    await send({"type": "lifespan.startup.complete"})
    await receive()  # lifespan.shutdown
    await stop()
    await send({"type": "lifespan.shutdown.complete"})
