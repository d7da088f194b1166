"""Redis is killed with SIGKILL and comes back empty, ten times.

Nothing is lost, background jobs that it held included; every client receives again within 5 s of its return, and no
web process is deaf afterwards.
"""

import asyncio

from chaos.faults.base import Fault, times
from chaos.threads import in_thread
from chaos.trial import Trial

#: Seconds that it is away: at least, and at most.
AWAY = 0.2, 1.5

LIMIT = 5.0


class RedisKilled(Fault):
    """Redis is killed and comes back empty."""

    name = "redis-killed"
    seconds = 30.0
    sizes = (0.1, 0.2)

    async def strike(self, trial: Trial, size: float) -> None:
        redis = trial.hub.redis
        for _ in range(times(10, size)):
            await in_thread(redis.kill)
            await asyncio.sleep(trial.chance.uniform(*AWAY))
            await in_thread(redis.start_empty)
            await trial.everybody_receives(within=LIMIT)
            await trial.nobody_is_deaf(within=LIMIT)
