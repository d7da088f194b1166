"""Redis is stopped with SIGSTOP for 30 s: it keeps its connections and answers nothing.

Pages answer (99 % within 2.5 s), no event loop is late by more than 250 ms, what is published is live within 2 s from
the database, nothing is lost.
"""

import asyncio
import time

from chaos.faults.base import Fault
from chaos.probes import loop_lateness, page_times, percentile
from chaos.trial import Trial

SECONDS = 30.0
#: Seconds around the outage in which a job may be on its way from Redis to a worker.
AROUND = 2.0

PAGE_LIMIT, LOOP_LIMIT, LIVE_LIMIT = 2.5, 0.25, 2.0


class RedisStopped(Fault):
    """Redis keeps its connections and answers nothing."""

    name = "redis-stopped"
    seconds = SECONDS

    async def strike(self, trial: Trial, size: float) -> None:
        hub = trial.hub
        async with page_times(hub.url, trial.people.staff) as pages, loop_lateness(hub.webs) as late:
            hub.redis.pause()
            began = time.monotonic()
            try:
                await asyncio.sleep(max(4.0, SECONDS * size))
                ended = time.monotonic()
                await asyncio.sleep(LIVE_LIMIT)  # what was published last is to be live without Redis, too
            finally:
                hub.redis.resume()
                # What it does first is to answer workers that have given up: a job may be handed to nobody. Celery's
                # transport over Redis has this hole, and docs/guarantees.md says so.
                trial.ledger.broker_hung(began - AROUND, time.monotonic() + AROUND)
        trial.must(percentile(pages, 0.99) < PAGE_LIMIT, f"pages p99 {percentile(pages, 0.99):.2f} s")
        latest, (slowest, what) = max(late, default=0.0), trial.ledger.slowest(began, ended)
        trial.must(latest < LOOP_LIMIT, f"event loops late by {latest * 1000:.0f} ms at most")
        trial.must(slowest < LIVE_LIMIT, f"live without Redis after {slowest:.2f} s at most ({what})")
        await trial.nobody_is_deaf(within=10)
