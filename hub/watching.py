"""What one can only see by looking regularly: how late the event loop is, and how long the queues are."""

import asyncio
from collections.abc import Callable

from hub import metrics
from hub.cancellation import is_wanted
from hub.per_loop import PerLoop

#: Seconds between two looks.
INTERVAL = 0.25

#: How many things wait in a queue now. Called on the event loop; must not wait.
Length = Callable[[], int]

_queues: dict[str, Length] = {}


def queue(name: str, length: Length) -> None:
    """Have the length of a queue shown in ``/metrics``; called once by the module that owns it."""
    _queues[name] = length


class Watch:
    """Looks at this process for as long as its event loop runs; see :func:`current`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._task = self.loop.create_task(self._look_for_ever())

    async def _look_for_ever(self) -> None:
        while is_wanted():
            due = self.loop.time() + INTERVAL
            await asyncio.sleep(INTERVAL)
            metrics.LOOP_LATE.observe(max(0.0, self.loop.time() - due))
            for name, length in _queues.items():
                metrics.WAITING.labels(name).set(length())

    async def close(self) -> None:
        """Look no more."""
        self._task.cancel()
        await asyncio.wait([self._task], timeout=INTERVAL)
        for name in _queues:
            metrics.WAITING.labels(name).set(0)


#: The one of the running event loop.
current = PerLoop(Watch)
