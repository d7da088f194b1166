"""Redis is stopped with SIGSTOP for 30 s: it keeps its connections and answers nothing.

Pages answer (99 % within 2.5 s), no event loop is late by more than 250 ms, what is published is live within 2 s from
the database, nothing is lost, no job either.
"""

import asyncio
import time

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.probes import loop_lateness, page_times, percentile
from lab.harness.waiting import await_for

SECONDS = 30.0

PAGE_LIMIT, LOOP_LIMIT, LIVE_LIMIT = 2.5, 0.25, 2.0

#: Seconds in which a Redis runs that another fault has killed.
AGAIN_LIMIT = 30.0


class RedisStopped(Fault):
    """Redis keeps its connections and answers nothing."""

    name = "redis-stopped"
    seconds = SECONDS

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub = experiment.hub
        async with page_times(hub.url, experiment.people.staff) as pages, loop_lateness(hub.webs) as late:
            # Another fault may have killed it a moment ago, and starts it again.
            await await_for(hub.redis.pause, timeout=AGAIN_LIMIT, that="there is a Redis to stop")
            began = time.monotonic()
            try:
                await asyncio.sleep(max(4.0, SECONDS * size))
                ended = time.monotonic()
                await asyncio.sleep(LIVE_LIMIT)  # what was published last is to be live without Redis, too
            finally:
                # What it does first is to answer workers that have given up, and so it hands jobs to nobody.
                hub.redis.resume()
        experiment.must_take(percentile(pages, 0.99), less_than=PAGE_LIMIT, what="pages p99")
        latest, (slowest, what) = max(late, default=0.0), experiment.ledger.slowest(began, ended)
        experiment.must_take(latest, less_than=LOOP_LIMIT, what="event loops late by at most")
        experiment.must_take(slowest, less_than=LIVE_LIMIT, what=f"live without Redis, {what} the latest, after")
        await experiment.nobody_is_deaf(within=10)
