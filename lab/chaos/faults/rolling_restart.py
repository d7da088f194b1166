"""Both web processes are stopped with SIGTERM and started again, one after the other, while a client is stuck.

Each ends within 15 s, nothing is lost, and no room is told that somebody left who only moved.
"""

import asyncio
import time
from collections.abc import Callable

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.silent import SilentSocket
from lab.chaos.threads import in_thread

EXIT_LIMIT, BACK_LIMIT = 15.0, 30.0

#: Seconds in which rooms have heard of everybody who went before: HUB_LEAVE_GRACE, and some to tell it.
SETTLED = 8.0


class RollingRestart(Fault):
    """Both web processes are restarted in turn."""

    name = "rolling-restart"
    seconds = 40.0
    seconds_at_least = 30.0
    sizes = (1.0, 1.0)

    async def inject(self, experiment: Experiment, size: float) -> None:
        await asyncio.sleep(SETTLED)  # that those of an earlier run have left may be told a moment later
        left = leave_notices(experiment)
        for web in experiment.hub.webs:
            stuck = await SilentSocket.connected(web.port, "/ws/notifications/", experiment.people.staff)
            try:
                began = time.monotonic()
                orderly = await in_thread(web.stop, EXIT_LIMIT)
                took = time.monotonic() - began
                experiment.must(orderly, f"{web.name} ended after {took:.1f} s")
            finally:
                stuck.close()
            web.start()
            await experiment.serves(web)
            await experiment.everybody_is_back(within=BACK_LIMIT)
        experiment.must(not (gone := left()), f"{len(gone)} notices that somebody left {gone[:3]}")
        await experiment.nobody_is_deaf(within=10)


def leave_notices(experiment: Experiment) -> Callable[[], list[str]]:
    """Returns what says which notices came to clients from now on that somebody has left a room who is still there.

    Visitors of a run before leave a room once their grace time is over: that they have gone is true.
    """
    read_before = {client: len(client.notices) for client in experiment.crowd}

    def since() -> list[str]:
        places = [client.place for client in experiment.crowd]
        there = {(place.room, place.person.name) for place in places if place.person is not None}
        return [
            f"{client.name} read: {notice}"
            for client in experiment.crowd
            for notice in client.notices[read_before.get(client, 0) :]
            if notice.endswith(" left the room") and (client.place.room, notice.split(" ")[0]) in there
        ]

    return since
