"""What a web process starts before its first request and ends after its last (ASGI lifespan)."""

import gc
from typing import Any

from hub.concurrency import node
from hub.database import threads


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for the ``lifespan`` scope. Servers without it work too: the parts start on first use."""
    await receive()  # lifespan.startup
    node.start()
    gc.collect()
    gc.freeze()  # modules, models, URL patterns: they stay, so nobody need look at them again
    await send({"type": "lifespan.startup.complete"})
    await receive()  # lifespan.shutdown
    await node.close()
    threads.close_all()
    await send({"type": "lifespan.shutdown.complete"})
