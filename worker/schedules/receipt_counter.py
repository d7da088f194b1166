"""Each web process counts which of its connections were sent the runs of schedules (``worker.schedules.receipts``)."""

import random

from hub.concurrency.background import Background
from hub.concurrency.node import Part
from hub.database import in_database_thread
from hub.fanout import relay
from worker.schedules import receipts

#: Seconds between two looks.
INTERVAL = 5.0


class ReceiptCounter:
    """Looks every five seconds or so for runs that this process has not counted: two queries of small indexes."""

    def __init__(self) -> None:
        #: The runs that need no look of this process; None until it has looked which were there before it.
        self._counted: set[int] | None = None
        self._loop = Background("receipts of schedules", self._step, event="receipts_not_counted")
        self._loop.wake()

    async def _step(self) -> float:
        await in_database_thread(receipts.count_recipients)
        recent = await in_database_thread(receipts.recent)
        if self._counted is None:
            # Nobody was connected here when these were sent: whoever was has been counted elsewhere, or never will be.
            self._counted = recent
        self._counted &= recent
        if new := sorted(recent - self._counted)[: receipts.COUNTED_LIMIT]:
            await self._count(new, self._counted)
        return INTERVAL * random.uniform(0.8, 1.2)

    async def _count(self, runs: list[int], counted: set[int]) -> None:
        current = relay.current()
        found = await in_database_thread(receipts.ripe, runs, current.channels())
        if found:
            numbers = await current.received([one.places for one in found])
            counted.update(one.pk for one in found)  # first: a number that is added twice is worse than one too few
            await in_database_thread(receipts.add, list(zip(found, numbers, strict=True)))

    async def close(self) -> None:
        """End the looks."""
        await self._loop.close()


current = Part(ReceiptCounter, uses=[relay.current], at_start=True)
