"""Pings: every socket is asked whether it is alive, by one timer for all of them instead of two for each."""

import os
from typing import Protocol, TypeAlias

from hub.concurrency.node import Part
from hub.concurrency.wheel import Wheel
from hub.fanout.frames import PING, frame

#: Slices of the interval. The sockets of one slice are pinged in one turn of the event loop.
SLICES = 100


class Pinged(Protocol):
    """A socket on the wheel."""

    def ping(self, payload: bytes, frame: bytes) -> None:
        """Send ``frame``, a ping with ``payload``; or end, where the last one has not been answered."""


Slice: TypeAlias = dict[Pinged, None]


def _ping(due: list[Pinged]) -> None:
    if due:
        payload = os.urandom(4)
        ping = frame(PING, payload)
        for socket in due:
            socket.ping(payload, ping)


class PingWheels:
    """The wheels of one event loop, by their intervals."""

    def __init__(self) -> None:
        self._wheels: dict[float, Wheel[Pinged]] = {}

    def of(self, interval: float) -> Wheel[Pinged]:
        """The wheel that pings each of its sockets every ``interval`` seconds, made on first use."""
        found = self._wheels.get(interval)
        if found is None:
            found = self._wheels[interval] = Wheel(interval, SLICES, _ping)
        return found

    async def close(self) -> None:
        """Ping nobody any more."""
        for wheel in self._wheels.values():
            await wheel.close()


#: Those of the running event loop.
wheels = Part(PingWheels)
