"""Each web process counts which of its connections were sent the runs of schedules (``worker.schedules.receipts``)."""

import asyncio
import random

from hub.concurrency.background import Background
from hub.concurrency.node import Part
from hub.database import in_database_thread
from hub.fanout import relay
from worker.schedules import receipts
from worker.schedules.receipts import RunPart

#: Seconds between two looks.
INTERVAL = 5.0


class ReceiptCounter:
    """Looks every five seconds or so for what this process has not counted of runs: two queries of small indexes."""

    def __init__(self) -> None:
        #: The parts of runs that need no more look of this process.
        self._counted = set[RunPart]()
        #: Those that were there before it; None until it has looked.
        self._before: set[RunPart] | None = None
        #: Held while runs are counted, so that each is counted once.
        self._counting = asyncio.Lock()
        self._loop = Background("receipts of schedules", self._step, event="receipts_not_counted")
        self._loop.wake()

    async def _step(self) -> float:
        await in_database_thread(receipts.count_recipients)
        await self._look(is_last=False)
        return INTERVAL * random.uniform(0.8, 1.2)

    async def finish(self) -> None:
        """Count at once what this process has not counted, because its connections are closed next."""
        await self._look(is_last=True)

    async def _look(self, *, is_last: bool) -> None:
        async with self._counting:
            recent = await in_database_thread(receipts.recent)
            if self._before is None:
                self._before = recent
            self._before &= recent
            self._counted &= recent
            if new := sorted(recent - self._counted)[: receipts.COUNTED_LIMIT]:
                await self._count(new, self._before, is_last=is_last)

    async def _count(self, parts: list[RunPart], before: set[RunPart], *, is_last: bool) -> None:
        current = relay.current()
        found = await in_database_thread(receipts.ripe, parts, current.channels(), at_once=is_last)
        if found:
            numbers = await current.received([one.places for one in found])
            self._counted.update(one.part for one in found)  # first: one too few is better than a number added twice
            # That nobody here was sent what is older than this process says nothing: those who were are gone with
            # another one. Of a distribution that goes on its connections may have been sent the rest.
            counted = [
                (one, number) for one, number in zip(found, numbers, strict=True) if number or one.part not in before
            ]
            await in_database_thread(receipts.add, counted)

    async def close(self) -> None:
        """End the looks."""
        await self._loop.close()


current = Part(ReceiptCounter, uses=[relay.current], at_start=True)
