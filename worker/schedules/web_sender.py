"""Each web process sends what has been due for a while: where no beat runs and no worker takes a task."""

import random

from hub.concurrency.background import Background
from hub.concurrency.node import Part
from hub.database import in_database_thread
from worker.schedules import running

#: Seconds between two looks.
INTERVAL = 10.0


class WebSender:
    """Looks every ten seconds or so for schedules that nobody else has sent in time: a query of a small index."""

    def __init__(self) -> None:
        self._loop = Background("schedules", self._step, event="schedules_not_sent")
        self._looks = False
        self._loop.wake()

    async def _step(self) -> float:
        if self._looks:  # not at the start, when beat and worker start as well
            await in_database_thread(running.send_due, overdue=running.OVERDUE)
        self._looks = True
        return INTERVAL * random.uniform(0.8, 1.2)

    async def close(self) -> None:
        """End the looks."""
        await self._loop.close()


current = Part(WebSender, at_start=True)
