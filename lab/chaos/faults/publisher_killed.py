"""A process is killed with SIGKILL between its commit and its announcement, a hundred times.

Nothing is lost: web processes number what has no offset and deliver it within 3 s.
"""

import time

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault, times
from lab.chaos.threads import in_thread

LIMIT = 3.0

#: Runs in backend code. A copy of the process publishes and dies at the point that is named: before the publication
#: gets its offset, or after that and before it is announced.
_DIE = """
import os, signal
from django.db import connections, transaction
from hub.publishing import verbs
from hub import streams
from notifications import notify

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

connections.close_all()
for message in messages:
    child = os.fork()
    if child == 0:
        try:
            if before == "offset":
                streams.sequence = die
                with transaction.atomic():  # without one it gets its offset where it is stored
                    notify(to=to, message=message)
            else:
                verbs.announce = die
                notify(to=to, message=message)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    print(int(os.WIFSIGNALED(status)))
"""


class PublisherKilled(Fault):
    """Whoever publishes dies between the commit and the announcement."""

    name = "publisher-killed"
    seconds = 20.0

    async def inject(self, experiment: Experiment, size: float) -> None:
        slowest = 0.0
        for turn in range(times(20, size)):
            slowest = max(slowest, await self._kill_some(experiment, 5, "offset" if turn % 2 else "announcement"))
        experiment.must_take(slowest, less_than=LIMIT, what="what a dead process stored was live after at most")

    async def _kill_some(self, experiment: Experiment, number: int, before: str) -> float:
        """Let ``number`` of them die; returns the seconds from then until everybody has what they stored."""
        ledger = experiment.ledger
        # Few publish to one person: on a busy channel the next publisher would number what this one left.
        person = experiment.chance.choice(experiment.people.people)
        tabs = sum(client.place.person is person for client in experiment.crowd.listeners)
        numbers = [ledger.attempt("dying") for _ in range(number)]
        died = await in_thread(
            experiment.hub.tasks.run,
            _DIE,
            messages=[ledger.text(number) for number in numbers],
            to=f"user:{person.name}",
            before=before,
        )
        died_at = time.monotonic()
        experiment.must(died.split() == ["1"] * number, f"processes died before the {before}: {died.count('1')}")
        for stored in numbers:
            ledger.acknowledge(stored)  # nobody was told, but the commit was made: it must not be lost
        await experiment.eventually(
            lambda: all(ledger.shown_by(stored) >= tabs for stored in numbers),
            within=LIMIT * 3,
            that=f"what was stored before the {before} is live",
        )
        return time.monotonic() - died_at
