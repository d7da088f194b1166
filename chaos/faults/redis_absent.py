"""Redis is away for 5 minutes.

Everything but background jobs works: pages, alerts and chat, live within 2 s. Jobs that were waiting, and those that
are started when it is back, run then. Nothing is lost.
"""

import asyncio
import time

from chaos.faults.base import Fault
from chaos.probes import page_times, percentile
from chaos.threads import in_thread
from chaos.trial import Trial

SECONDS = 300.0
PAGE_LIMIT, LIVE_LIMIT, JOBS_LIMIT = 2.5, 2.0, 30.0


class RedisAbsent(Fault):
    """Redis is away."""

    name = "redis-absent"
    seconds = SECONDS
    sizes = (0.03, 0.06)

    async def strike(self, trial: Trial, size: float) -> None:
        hub = trial.hub
        async with page_times(hub.url, trial.people.staff) as pages:
            await in_thread(hub.redis.stop)
            began = time.monotonic()
            await asyncio.sleep(SECONDS * size)
            ended = time.monotonic()
            await asyncio.sleep(LIVE_LIMIT)
            # With what its append-only file has: jobs that waited are still there.
            await in_thread(hub.redis.start)
        trial.must(percentile(pages, 0.99) < PAGE_LIMIT, f"pages p99 {percentile(pages, 0.99):.2f} s")
        slowest, what = trial.ledger.slowest(began, ended)
        trial.must(slowest < LIVE_LIMIT, f"live without Redis after {slowest:.2f} s at most ({what})")
        await trial.nobody_is_deaf(within=10)
        await trial.jobs_run(within=JOBS_LIMIT)
