"""What a process holds on one event loop: parts that are made on first use, and closed in one order.

A module declares its part, and calls the declaration for the part of the running event loop::

    current = Part(Relay)
    current().subscribe(…)

This module knows no part, so that each may stand on its own floor: an arrow goes from a part to those that it uses,
never from here to them.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from hub.logs import get_logger

log = get_logger(__name__)

#: Seconds that an ending process waits for its parts before it closes its connections.
FINISH_SECONDS = 2.0

P = TypeVar("P")


@runtime_checkable
class Closable(Protocol):
    """A part that has something to end."""

    def close(self) -> Awaitable[None]:
        """Stop, in bounded time. Called once, on the loop of the part. Those who use it afterwards get no error."""


@runtime_checkable
class Finishing(Protocol):
    """A part that has something to do while the clients of an ending process are still there."""

    def finish(self) -> Awaitable[None]:
        """Called once, before the connections are closed, where the server of the hub ends the process."""


class Node:
    """The parts of one event loop; see :func:`current`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        #: Names this process among all that are connected to the same Redis.
        self.id = secrets.token_hex(8)
        #: In the order in which they were made.
        self.parts: dict[Part[Any], Any] = {}

    async def close(self) -> None:
        """Close all parts, each before those that it uses; of two that use neither the other, the younger one first.

        Until all are closed, those who are on their way out still get them: a part made for them nobody would close.
        """
        closed: set[Part[Any]] = set()
        try:
            while left := [part for part in reversed(self.parts) if part not in closed]:
                used = {other for part in left for other in part.uses}
                part = next(part for part in left if part not in used)
                closed.add(part)
                await self._close_one(part)
        finally:
            self.parts.clear()

    async def finish(self) -> None:
        """Have the parts do what needs the clients of this process, for :data:`FINISH_SECONDS` at most."""
        finishing = [self._finish_one(made) for made in list(self.parts.values()) if isinstance(made, Finishing)]
        await asyncio.gather(*finishing)

    async def _finish_one(self, made: Finishing) -> None:
        try:
            await asyncio.wait_for(made.finish(), FINISH_SECONDS)
        except Exception:
            log.exception("part_not_finished", part=type(made).__name__)  # the process ends all the same

    async def _close_one(self, part: "Part[Any]") -> None:
        made = self.parts[part]
        if isinstance(made, Closable):
            try:
                await made.close()
            except Exception:
                log.exception("part_not_closed", part=type(made).__name__)  # the others have to be closed all the same


class Part(Generic[P]):
    """Declares a part. Calling it gives the part of the running event loop, made on first use.

    Args:
        make: makes the part on the running loop.
        uses: the parts that this one needs until it is closed. They cannot form a circle, because each is declared
            after those that it uses.
        at_start: whether a web process makes it when it starts.
    """

    def __init__(self, make: Callable[[], P], *, uses: "Collection[Part[Any]]" = (), at_start: bool = False) -> None:
        #: These, and what they use themselves.
        self.uses: frozenset[Part[Any]] = frozenset(uses).union(*(used.uses for used in uses))
        self._make = make
        if at_start:
            _at_start.append(self)

    def __call__(self) -> P:
        node = _latest
        if node is None or node.loop is not asyncio.get_running_loop():
            node = current()
        try:
            part: P = node.parts[self]
        except KeyError:
            part = node.parts[self] = self._make()
        return part

    @property
    def made(self) -> P | None:
        """The part of the loop that used one last, if there is one; to look at, from any thread."""
        return _latest.parts.get(self) if _latest is not None else None

    async def close(self) -> None:
        """Close this part alone, if it was made; the next call makes another. For tests: a process ends as a whole."""
        node = current()
        try:
            if self in node.parts:
                await node._close_one(self)
        finally:
            node.parts.pop(self, None)


_at_start: list[Part[Any]] = []
_nodes: dict[asyncio.AbstractEventLoop, Node] = {}
#: The one that was used last: a web process has one event loop.
_latest: Node | None = None


def current() -> Node:
    """The node of the running event loop, made on first use."""
    global _latest, _nodes
    loop = asyncio.get_running_loop()
    node = _nodes.get(loop)
    if node is None:
        node = Node()
        _nodes = {loop: node, **{other: its for other, its in _nodes.items() if not other.is_closed()}}
    _latest = node
    return node


def start() -> None:
    """Make the parts that work from the start of a web process on."""
    for part in _at_start:
        part()


async def finish() -> None:
    """Have the parts of the running event loop do what needs the clients of this process, which ends next."""
    if (node := _nodes.get(asyncio.get_running_loop())) is not None:
        await node.finish()


async def close() -> None:
    """Close the parts of the running event loop, as when a web process ends. Parts used later are new ones."""
    global _latest
    node = _nodes.get(asyncio.get_running_loop())
    if node is None:
        return
    try:
        await node.close()
    finally:
        _nodes.pop(node.loop, None)
        if _latest is node:
            _latest = None
