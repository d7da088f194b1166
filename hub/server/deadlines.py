"""What a client has to send in time: by one timer for all connections, instead of one for each."""

import asyncio
from collections.abc import Callable
from typing import Any

from hub.concurrency.node import Part

#: A connection, as asyncio's protocols know it.
Transport = Any


class Deadlines:
    """Calls ``late(connection)`` where one is not through in time. Lives on one event loop; all wait equally long."""

    def __init__(self, late: Callable[[Transport], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self._late = late
        self._due: dict[Transport, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, connection: Transport) -> bool:
        return connection in self._due

    @property
    def first(self) -> Transport:
        """The connection that has waited for longest; there must be one."""
        return next(iter(self._due))

    def start(self, connection: Transport, seconds: float) -> None:
        """From now on ``connection`` has so many seconds. Does nothing where it has some already."""
        if connection not in self._due:
            self._due[connection] = self.loop.time() + seconds
            if self._timer is None:
                self._timer = self.loop.call_later(seconds, self._look)

    def stop(self, connection: Transport) -> None:
        """It is through, or gone. May be repeated."""
        self._due.pop(connection, None)

    def _look(self) -> None:
        now = self.loop.time()
        late = []
        for connection, due in self._due.items():
            if due > now:
                break  # those behind it came later
            late.append(connection)
        for connection in late:
            self.stop(connection)
        self._timer = self.loop.call_at(self._due[self.first], self._look) if self._due else None
        for connection in late:
            self._late(connection)

    async def close(self) -> None:
        """Wait for nobody any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()


def _head_is_late(connection: Transport) -> None:
    connection.get_protocol().head_is_late()


def _body_is_late(connection: Transport) -> None:
    connection.get_protocol().body_is_late()


def _heads() -> Deadlines:
    return Deadlines(_head_is_late)


def _bodies() -> Deadlines:
    return Deadlines(_body_is_late)


#: Connections that have to send the head of a request, and those that have to send its body.
heads = Part(_heads)
bodies = Part(_bodies)
