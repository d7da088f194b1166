"""What a web process starts before its first request and ends after its last (ASGI lifespan)."""

from typing import Any

from hub import presence, relay, threads


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for the ``lifespan`` scope. Servers without it work too: the parts start on first use."""
    await receive()  # lifespan.startup
    relay.current()
    await send({"type": "lifespan.startup.complete"})
    await receive()  # lifespan.shutdown
    await presence.close()
    await relay.close()
    threads.close_all()
    await send({"type": "lifespan.shutdown.complete"})
