"""Application keepalive: pings all clients of this process, and closes those that do not answer."""

from typing import Protocol

from hub.access.reasons import End
from hub.concurrency.node import Part
from hub.concurrency.wheel import Wheel

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

    def end(self, reason: End) -> None:
        """Close the connection: it has not answered in time."""


class Keepalive:
    """A wheel that turns once a second. A client is pinged when its turn comes. Lives on one event loop."""

    def __init__(self) -> None:
        self._wheel: Wheel[KeptAlive] = Wheel(INTERVAL, INTERVAL, self._visit)
        self._slice_of: dict[KeptAlive, dict[KeptAlive, None]] = {}

    def add(self, client: KeptAlive) -> None:
        """Ping a client from now on, for the first time in :data:`INTERVAL` seconds."""
        self._slice_of[client] = self._wheel.add(client)

    def remove(self, client: KeptAlive) -> None:
        """Stop pinging a client; does nothing if it is not pinged."""
        if (its_slice := self._slice_of.pop(client, None)) is not None:
            del its_slice[client]

    def turn(self) -> None:
        """Do now what is due in the next second; for tests, which do not wait for it."""
        self._wheel.turn()

    async def close(self) -> None:
        """Stop pinging."""
        await self._wheel.close()

    def _visit(self, due: list[KeptAlive]) -> None:
        """Ping the clients whose turn it is, and close those that have not answered in time."""
        for client in self._wheel.visited_before(TIMEOUT):
            if not client.ponged:
                client.end(End.NO_PONG)
        for client in due:
            client.ping()


#: The keepalive of the running event loop.
current = Part(Keepalive)
