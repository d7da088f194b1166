"""Five clients never read, while 5 MB go out to each.

The others wait no longer than before (99 % within 500 ms), the five are closed within 60 s, and no web process grows
by 50 MB.
"""

import time

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.probes import percentile
from lab.chaos.silent import SilentSocket
from lab.chaos.threads import in_thread

READERS, MEGABYTES = 5, 5

#: Bytes of one alert's data, as many as may be.
PIECE = 50_000

LATENCY_LIMIT, CLOSED_LIMIT, MEMORY_LIMIT = 0.5, 60.0, 50 * 1024 * 1024

_SEND = """
from notifications import notify
for _ in range(pieces):
    notify(to=to, message="much", data="x" * size)
"""


class SlowReaders(Fault):
    """Some clients never read."""

    name = "slow-readers"
    seconds = 10.0
    #: Less than all of it the kernel's buffers hold, and then only a ping that is not answered tells of a sleeper.
    sizes = (1.0, 1.0)

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub = experiment.hub
        person = experiment.people.people[-1]  # nobody of the crowd: they would read it all
        memory = [web.memory() for web in hub.webs]
        sockets = [
            await SilentSocket.connected(hub.webs[number % 2].port, "/ws/notifications/", person)
            for number in range(READERS)
        ]
        began = time.monotonic()
        try:
            pieces = int(MEGABYTES * size * 1024 * 1024 / PIECE) + 1
            await in_thread(hub.tasks.run, _SEND, timeout=60, to=f"user:{person.name}", pieces=pieces, size=PIECE)
            await experiment.eventually(
                lambda: all(socket.was_closed() for socket in sockets),
                within=CLOSED_LIMIT,
                that=f"{READERS} clients that never read are closed",
            )
        finally:
            for socket in sockets:
                socket.close()
        grown = max(web.memory() - before for web, before in zip(hub.webs, memory, strict=True))
        slowest = percentile(experiment.ledger.latencies(began), 0.99)
        experiment.must_take(slowest, less_than=LATENCY_LIMIT, what="the others' p99 is")
        experiment.must(grown < MEMORY_LIMIT, f"a web process grew by {grown / 1024 / 1024:.0f} MB at most")
