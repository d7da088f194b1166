"""A web process with half of the sockets is killed with SIGKILL, and started again a moment later.

Nothing is lost, all clients are back within 10 s, and presence is right within 45 s: nobody who was there only through
the dead process is shown any longer.
"""

import asyncio

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.parts import Web
from lab.chaos.presence import Watcher
from lab.chaos.threads import in_thread

BACK_LIMIT, PRESENCE_LIMIT = 10.0, 45.0

#: Guests who are online through the process that dies, and do not come back.
GONE = 3

#: Below this size presence is not waited for.
WITH_PRESENCE = 0.5


class WebKilled(Fault):
    """A web process is killed."""

    name = "web-killed"
    seconds = 45.0
    sizes = (0.1, 0.1)

    async def inject(self, experiment: Experiment, size: float) -> None:
        dies, stays = experiment.chance.sample(experiment.hub.webs, 2)
        watches_presence = experiment.strict and size >= WITH_PRESENCE
        async with Watcher(stays.ws_url) as online:
            async with Watcher.several(dies.ws_url, GONE):
                if watches_presence:
                    await experiment.eventually(lambda: online.count > GONE, within=5, that="guests are counted")
                before = online.count
                await in_thread(dies.kill)
            starts_again = asyncio.create_task(self._start_again(experiment, dies))
            await experiment.eventually(
                lambda: any(not client.live for client in experiment.crowd), within=5, that="clients notice"
            )
            await experiment.everybody_is_back(within=BACK_LIMIT)
            await starts_again
            if watches_presence:
                await experiment.eventually(
                    lambda: online.count == before - GONE, within=PRESENCE_LIMIT, that="presence is right"
                )

    async def _start_again(self, experiment: Experiment, web: Web) -> None:
        await asyncio.sleep(experiment.chance.uniform(0.2, 2.0))
        web.start()
        await experiment.serves(web)
