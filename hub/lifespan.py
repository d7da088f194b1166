"""What a web process starts before its first request and ends after its last (ASGI lifespan)."""

import gc
from collections.abc import Awaitable, Callable
from typing import Any

from hub import presence
from hub.access import revalidation
from hub.bus import survey
from hub.database import threads
from hub.fanout import relay
from hub.ops import gauges
from hub.presence import leaving
from hub.server import deadlines

_closers: list[Callable[[], Awaitable[None]]] = []


def at_end(close: Callable[[], Awaitable[None]]) -> None:
    """Have ``close()`` awaited when the web process ends, before the engine's own parts are closed."""
    if close not in _closers:
        _closers.append(close)


async def end() -> None:
    """Close what runs on the running event loop: the parts of the apps, then the engine's."""
    for close in _closers:
        await close()
    await deadlines.heads.close()
    await deadlines.bodies.close()
    await gauges.current.close()
    await revalidation.current.close()
    await survey.current.close()
    await leaving.close()
    await presence.close()
    await relay.close()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for the ``lifespan`` scope. Servers without it work too: the parts start on first use."""
    await receive()  # lifespan.startup
    relay.current()
    revalidation.current()
    gauges.current()
    survey.current()
    gc.collect()
    gc.freeze()  # modules, models, URL patterns: they stay, so nobody need look at them again
    await send({"type": "lifespan.startup.complete"})
    await receive()  # lifespan.shutdown
    await end()
    threads.close_all()
    await send({"type": "lifespan.shutdown.complete"})
