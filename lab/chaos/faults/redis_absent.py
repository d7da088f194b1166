"""Redis is away for 5 minutes.

Everything but background jobs works: pages, alerts and chat, live within 2 s. Jobs that were waiting, and those that
were started while it was away, run when it is back. Nothing is lost.
"""

import asyncio
import time

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.probes import page_times, percentile
from lab.chaos.threads import in_thread

SECONDS = 300.0
PAGE_LIMIT, LIVE_LIMIT, JOBS_LIMIT = 2.5, 2.0, 30.0


class RedisAbsent(Fault):
    """Redis is away."""

    name = "redis-absent"
    seconds = SECONDS
    sizes = (0.03, 0.06)

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub = experiment.hub
        async with page_times(hub.url, experiment.people.staff) as pages:
            await in_thread(hub.redis.stop)
            began = time.monotonic()
            await asyncio.sleep(SECONDS * size)
            ended = time.monotonic()
            await asyncio.sleep(LIVE_LIMIT)
            # With what its append-only file has: jobs that waited are still there.
            await in_thread(hub.redis.start)
        experiment.must_take(percentile(pages, 0.99), less_than=PAGE_LIMIT, what="pages p99")
        slowest, what = experiment.ledger.slowest(began, ended)
        experiment.must_take(slowest, less_than=LIVE_LIMIT, what=f"live without Redis, {what} the latest, after")
        await experiment.nobody_is_deaf(within=10)
        await experiment.jobs_run(within=JOBS_LIMIT)
