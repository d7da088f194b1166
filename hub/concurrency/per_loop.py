"""Parts of a web process of which each event loop has one: made on first use, closed with the server or a test."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar


class LoopPart(Protocol):
    """Lives on the event loop on which it was made."""

    loop: asyncio.AbstractEventLoop

    def close(self) -> Awaitable[None]:
        """Stop; called on that loop."""


P = TypeVar("P", bound=LoopPart)


class PerLoop(Generic[P]):
    """Calling it gives the part of the running event loop.

    Args:
        make: makes a part on the running loop.
    """

    def __init__(self, make: Callable[[], P]) -> None:
        self._make = make
        self._part: P | None = None

    def __call__(self) -> P:
        if self._part is None or self._part.loop is not asyncio.get_running_loop():
            self._part = self._make()
        return self._part

    @property
    def made(self) -> P | None:
        """The part that was made last, if it was not closed; to look at, from any thread or loop."""
        return self._part

    async def close(self) -> None:
        """Close the part of the running loop, if there is one; the next call makes another.

        Until it is closed, those who are on their way out still get it: one made for them nobody would close.
        """
        part = self._part
        try:
            if part is not None and part.loop is asyncio.get_running_loop():
                await part.close()
        finally:
            if self._part is part:
                self._part = None
