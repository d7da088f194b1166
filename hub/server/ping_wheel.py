"""Pings: every socket is asked for a sign of life, by one timer for all of them instead of two for each."""

import asyncio
import os
from typing import Protocol, TypeAlias

from hub.fanout.frames import PING, frame

#: Slices of the interval. The sockets of one slice are pinged in one turn of the event loop.
SLICES = 100


class Pinged(Protocol):
    """A socket on the wheel."""

    def ping(self, payload: bytes, frame: bytes) -> None:
        """Send ``frame``, a ping with ``payload``; or end, where the last one has not been answered."""


Slice: TypeAlias = dict[Pinged, None]


class PingWheel:
    """Calls ``ping`` of each socket every ``interval`` seconds. Lives on one event loop."""

    def __init__(self, interval: float) -> None:
        self.loop = asyncio.get_running_loop()
        self._pause = interval / SLICES
        self._slices: list[Slice] = [{} for _ in range(SLICES)]
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, socket: Pinged) -> Slice:
        """Ping ``socket`` from an interval from now on. Returns the slice it is in: to leave it, take it out."""
        newest = self._slices[self._next - 1]  # its turn was just now
        newest[socket] = None
        if self._timer is None:
            self._timer = self.loop.call_later(self._pause, self._turn)
        return newest

    def _turn(self) -> None:
        due = self._slices[self._next]
        self._next = (self._next + 1) % SLICES
        # Without sockets there is no timer, so that a process that serves none sleeps.
        self._timer = self.loop.call_later(self._pause, self._turn) if any(self._slices) else None
        payload = os.urandom(4)
        ping = frame(PING, payload)
        for socket in list(due):
            socket.ping(payload, ping)


_wheels: dict[float, PingWheel] = {}


def wheel(interval: float) -> PingWheel:
    """The wheel of the running event loop for this interval, made on first use."""
    found = _wheels.get(interval)
    if found is None or found.loop is not asyncio.get_running_loop():
        found = _wheels[interval] = PingWheel(interval)
    return found
