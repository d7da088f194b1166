"""Application keepalive: pings all clients of this process, and closes those that do not answer. One task for all."""

import asyncio
from typing import Protocol

from hub.concurrency.cancellation import is_wanted
from hub.concurrency.node import Part
from hub.endpoints.centrifuge.codes import Disconnected

#: Seconds between two pings to a client.
INTERVAL = 25

#: Seconds that a client has to answer.
TIMEOUT = 10


class KeptAlive(Protocol):
    """A connection that is pinged."""

    #: Whether the last ping was answered.
    ponged: bool

    def ping(self) -> None:
        """Send a ping. Must not block or raise."""

    def end(self, reason: Disconnected) -> None:
        """Close the connection: it has not answered in time."""


class Keepalive:
    """A wheel with one second for each slot. A client is pinged when its slot comes up. Lives on one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._slots: list[dict[KeptAlive, None]] = [{} for _ in range(INTERVAL)]
        self._slot_of: dict[KeptAlive, int] = {}
        self._now = 0
        self._task: asyncio.Task[None] | None = None

    def add(self, client: KeptAlive) -> None:
        """Ping a client from now on, for the first time in :data:`INTERVAL` seconds."""
        self._slot_of[client] = self._now
        self._slots[self._now][client] = None
        if self._task is None or self._task.done():
            self._task = self.loop.create_task(self._turn())

    def remove(self, client: KeptAlive) -> None:
        """Stop pinging a client; does nothing if it is not pinged."""
        slot = self._slot_of.pop(client, None)
        if slot is not None:
            del self._slots[slot][client]

    async def _turn(self) -> None:
        while self._slot_of and is_wanted():
            await asyncio.sleep(1)
            self._now = (self._now + 1) % INTERVAL
            self.tick()

    async def close(self) -> None:
        """Stop pinging."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1)

    def tick(self) -> None:
        """Ping the clients of this slot, and close those that have not answered in time."""
        for client in list(self._slots[self._now - TIMEOUT]):
            if not client.ponged:
                client.end(Disconnected.NO_PONG)
        for client in list(self._slots[self._now]):
            client.ping()


#: The keepalive of the running event loop.
current = Part(Keepalive)
