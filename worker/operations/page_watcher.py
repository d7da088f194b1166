"""Tells open operations pages that something has changed: one look in two seconds, however many look on.

Each web process that has such pages looks for itself: what it says has changed, its own pages then find.
"""

from hub.concurrency.background import Background
from hub.concurrency.node import Part
from hub.database import in_database_thread
from hub.fanout import relay
from hub.publishing import publish_ephemeral
from worker import events
from worker.operations import snapshot

#: Seconds between two looks.
INTERVAL = 2.0


class Watcher:
    """Looks for changes while a page of this web process is open; else it costs nothing but being woken."""

    def __init__(self) -> None:
        self._seen: object = None
        self._loop = Background("operations", self._step, event="operations_not_watched")
        self._loop.wake()

    async def _step(self) -> float:
        if relay.current().has_clients(events.OPERATIONS):
            await in_database_thread(self._look)
        return INTERVAL

    def _look(self) -> None:
        key = snapshot.current().key
        if key != self._seen:
            self._seen = key
            publish_ephemeral(events.OPERATIONS, events.OperationsChanged())

    async def close(self) -> None:
        """End the looks."""
        await self._loop.close()


current = Part(Watcher, uses=[relay.current], at_start=True)
