"""Delays the leave of people whose last connection ended, because most of them come right back.

A page that is reloaded closes a connection and opens another, on this web process or on another one. A person stays
present until ``HUB_LEAVE_GRACE`` is over, so nobody is told of a reload. :mod:`hub.presence` still counts a
connection for each person who waits here: other processes see the person, who leaves with the lease if this process
dies.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice

from hub.channels import namespace_of
from hub.concurrency.node import Part
from hub.concurrency.tasks import Tasks
from hub.config import hub_settings
from hub.logs import get_logger
from hub.ops import metrics
from hub.presence import tracker
from hub.presence.contract import GUEST, Record

log = get_logger(__name__)

#: Called once a connection has left: with True if it was the person's last one at the channel.
Gone = Callable[[bool], Awaitable[None]]

#: People who leave in one step; what one step asks of Redis goes out together.
STEP = 200

#: Seconds that the next step waits for them: what an app does when somebody has left may take for ever.
LATE = 2.0


class Leaving:
    """The people of this process who are about to leave. Lives on one event loop; see :func:`current`.

    There is one timer, whatever the number of people, and at most one entry for a person at a channel.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        #: When each is to leave and what follows, the earliest first.
        self._waiting: dict[Record, tuple[float, Gone]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._leaves = Tasks()
        self._closed = False

    async def leave(self, channel: str, person: str, gone: Gone) -> None:
        """A connection of ``person`` that had entered ``channel`` has ended.

        ``gone`` is called exactly once: at once where the person has another connection here, else after the grace
        time. Guests leave at once, since a guest who comes back is somebody new, and so does everybody where the
        namespace has no ``leave_grace``. If the process ends first, it is not called, and the person leaves with the
        lease of the process.
        """
        record = (channel, person)
        waits = not person.startswith(GUEST) and namespace_of(channel).leave_grace
        grace = hub_settings().leave_grace if waits else 0.0
        if (before := self._waiting.pop(record, None)) is not None:
            await _leave(record, before[1])
        if grace and tracker.current().connections(channel, person) == 1:
            if not self._closed:
                self._waiting[record] = (self.loop.time() + grace, gone)
                self._set_timer()
        else:
            await _leave(record, gone)

    async def close(self) -> None:
        """Stop. Who waits here is listed until the lease of this process ends, like those who are connected."""
        self._closed = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=hub_settings().redis_timeout)
        await self._leaves.close()

    def _set_timer(self) -> None:
        if self._waiting and self._timer is None and self._task is None:
            due, _ = next(iter(self._waiting.values()))
            self._timer = self.loop.call_at(due, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._task = self.loop.create_task(self._release_due())

    async def _release_due(self) -> None:
        """End the grace of everybody who is due."""
        try:
            while due := self._take_due():
                await self._leaves.run((_leave(record, gone) for record, gone in due), LATE)
        finally:
            self._task = None
            self._set_timer()

    def _take_due(self) -> list[tuple[Record, Gone]]:
        now = self.loop.time()
        due = [record for record, (at, _) in islice(self._waiting.items(), STEP) if at <= now]
        return [(record, self._waiting.pop(record)[1]) for record in due]


async def _leave(record: Record, gone: Gone) -> None:
    try:
        await gone(await tracker.current().leave(*record))
    except Exception:
        # They are off the list already; those who leave with them must not stay because of it.
        metrics.FAILURES.labels("departure_not_told").inc()
        log.exception("departure_not_told", channel=record[0])


#: The one of the running event loop.
current = Part(Leaving, uses=[tracker.current])
