"""Redis is killed with SIGKILL and comes back empty, ten times.

Nothing is lost, background jobs that it held included; every client receives again within 5 s of its return, and no
web process is deaf afterwards. A Redis that has forgotten everybody shows nobody as gone: guests at each web process,
and those who come meanwhile, are never told of fewer people than stay, and rooms are not told that somebody left. The
number is not judged within 45 s of the restart of a web process.
"""

import asyncio
import contextlib
import time

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault, times
from lab.chaos.faults.rolling_restart import SETTLED, leave_notices
from lab.chaos.faults.web_killed import PRESENCE_LIMIT
from lab.chaos.presence import Watcher, newcomers
from lab.chaos.threads import in_thread

#: Seconds that it is away: at least, and at most. Every other time it is started again at once.
AWAY = 0.2, 1.5

LIMIT = 5.0

#: Seconds in which who comes meanwhile is told how many are online: the web processes may have to ask each other.
TOLD = 15.0

#: Guests at each web process who stay, and seconds in which all of them are counted.
STAY, COUNTED = 3, 10.0


class RedisKilled(Fault):
    """Redis is killed and comes back empty."""

    name = "redis-killed"
    seconds = 30.0
    sizes = (0.1, 0.2)

    async def inject(self, experiment: Experiment, size: float) -> None:
        if not experiment.strict:  # then those who look may be cut off, and people go
            for number in range(times(10, size)):
                await self._kill(experiment, number)
            return
        async with contextlib.AsyncExitStack() as stack:
            online: list[Watcher] = []
            for web in experiment.hub.webs:
                online += await stack.enter_async_context(Watcher.several(web.ws_url, STAY))
            there = len(online)
            await experiment.eventually(
                lambda: all(watcher.count >= there for watcher in online), within=COUNTED, that=f"{there} are online"
            )
            # That those of an earlier run have left may be told a moment later.
            await asyncio.sleep(max(0.0, experiment.began_at + SETTLED - time.monotonic()))
            for watcher in online:
                watcher.look_from_here()
            left = leave_notices(experiment)
            was_settled = True
            for number in range(times(10, size)):
                is_settled = self._is_settled(experiment)
                was_settled = was_settled and is_settled
                told = await self._kill(experiment, number)
                least = min([*told, *(watcher.least for watcher in online)])
                what = f"at least {least} of {there} were shown online, {len(told)} times asked"
                if is_settled:
                    experiment.must(least >= there, what)
                else:
                    experiment.notes.append(f"{what}, not judged so soon after another fault")
            gone = left()
            what = f"{len(gone)} notices that somebody left {gone[:3]}"
            if was_settled:
                experiment.must(not gone, what)
            else:  # whoever had not come back from the other fault may be told of as gone
                experiment.notes.append(f"{what}, not judged so soon after another fault")

    def _is_settled(self, experiment: Experiment) -> bool:
        """Whether presence has to be right: that takes its time after a web process was killed, as its fault says."""
        restarts = [web.started_again_at for web in experiment.hub.webs if web.started_again_at is not None]
        return all(time.monotonic() - moment > PRESENCE_LIMIT for moment in restarts)

    async def _kill(self, experiment: Experiment, number: int) -> list[int]:
        """Kill it once; returns how many people newcomers were told to be online.

        Every other time it is away for as short as can be, and nobody asks for anyone meanwhile: it is back before the
        web processes miss it, and knows nobody.
        """
        redis, asked_meanwhile = experiment.hub.redis, number % 2 == 1
        async with contextlib.AsyncExitStack() as stack:
            told = await stack.enter_async_context(newcomers(experiment.hub.webs)) if asked_meanwhile else []
            await in_thread(redis.kill)
            if asked_meanwhile:
                await asyncio.sleep(experiment.chance.uniform(*AWAY))
            await in_thread(redis.start_empty)
            if not asked_meanwhile:
                told = await stack.enter_async_context(newcomers(experiment.hub.webs))
            await experiment.everybody_receives(within=LIMIT)
            await experiment.nobody_is_deaf(within=LIMIT)
            await experiment.eventually(lambda: told, within=TOLD, that="newcomers are told who is online")
        return told
