"""A thousand clients lose their connection at the same moment, as when a network breaks.

All are back within 30 s, and what programs and people ask over HTTP meanwhile is answered (99 % within 1 s).
"""

import asyncio
import time

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.probes import page_times, percentile

CLIENTS = 1000
BACK_LIMIT, PAGE_LIMIT = 30.0, 1.0

#: Seconds in which pages are loaded, at least, at full size.
WATCHED = 6.0


class AllCut(Fault):
    """All clients are cut at once."""

    name = "all-cut"
    seconds = 20.0
    sizes = (0.1, 0.1)

    async def inject(self, experiment: Experiment, size: float) -> None:
        missing = int(CLIENTS * size) - len(experiment.crowd)
        if missing > 0:
            await experiment.crowd.enter(missing, only_alerts=True)
        async with page_times(experiment.hub.url, experiment.people.staff) as pages:
            entered = {client: client.entered for client in experiment.crowd if client.live}
            began = time.monotonic()
            for client in experiment.crowd:
                client.cut()
            await experiment.eventually(
                lambda: all(client.entered > before for client, before in entered.items()),
                within=BACK_LIMIT,
                that=f"{len(entered)} clients that were cut are back",
            )
            await asyncio.sleep(max(0.0, began + WATCHED * max(size, 0.5) - time.monotonic()))
        experiment.must_take(percentile(pages, 0.99), less_than=PAGE_LIMIT, what=f"{len(pages)} pages, p99")
