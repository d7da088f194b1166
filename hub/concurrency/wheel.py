"""Visiting many members in turn: by one timer for all of them instead of one for each."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Wheel(Generic[T]):
    """Visits each member every ``interval`` seconds. Lives on one event loop.

    Args:
        interval: in seconds.
        slices: of the interval. The members of one slice are visited in one turn of the event loop.
        visit: called with the members whose turn it is. Those that it removes meanwhile are among them.
    """

    def __init__(self, interval: float, slices: int, visit: Callable[[list[T]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._pause = interval / slices
        self._visit = visit
        self._slices: list[dict[T, None]] = [{} for _ in range(slices)]
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def is_turning(self) -> bool:
        """Whether there is a timer; without members there is none, so that a process that serves nobody sleeps."""
        return self._timer is not None

    def add(self, member: T) -> dict[T, None]:
        """Visit ``member`` from an interval from now on. Returns the slice it is in: to leave it, take it out."""
        newest = self._slices[self._next - 1]  # its turn was just now
        newest[member] = None
        if self._timer is None and not self._closed:
            self._timer = self._loop.call_later(self._pause, self._on_time)
        return newest

    def visited_before(self, turns: int) -> list[T]:
        """Those whose turn came so many turns before the one of this visit."""
        return list(self._slices[(self._next - 1 - turns) % len(self._slices)])

    def turn(self) -> None:
        """Visit the next slice now; for tests, which do not wait for the timer."""
        due = self._slices[self._next]
        self._next = (self._next + 1) % len(self._slices)
        self._visit(list(due))

    async def close(self) -> None:
        """Visit nobody any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        self._timer = self._loop.call_later(self._pause, self._on_time) if any(self._slices) else None
        self.turn()
