"""Counting who is online: one count per ``HUB_COUNT_INTERVAL`` at most among all web processes, after a change."""

import asyncio

import structlog

from hub import presence
from hub.conf import hub_settings
from hub.publishing import publish_ephemeral
from presence import channels, events

log = structlog.get_logger(__name__)


class OnlineCounter:
    """Sends the count after somebody came or left, on one event loop; see :func:`current`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stale = False
        self._task: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """Somebody came or left here: count soon."""
        self._stale = True
        if self._task is None or self._task.done():
            self._task = self.loop.create_task(self._count_while_stale())

    async def _count_while_stale(self) -> None:
        interval = hub_settings().count_interval
        while self._stale:
            if await presence.current().take_turn(channels.online, interval):
                self._stale = False
                count = await presence.current().count(channels.online)
                publish_ephemeral(channels.online, events.OnlineCounted(count=count))
            await asyncio.sleep(interval)


_counter: OnlineCounter | None = None


def current() -> OnlineCounter:
    """The counter of the running event loop, made on first use."""
    global _counter
    if _counter is None or _counter.loop is not asyncio.get_running_loop():
        _counter = OnlineCounter()
    return _counter


async def recount(channel: str, people: list[str]) -> None:
    """``people`` were left behind by a web process that died."""
    log.info("people_departed", channel=channel, people=len(people))
    current().changed()
