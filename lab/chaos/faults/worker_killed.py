"""A child of the worker, and then the worker, is killed with SIGKILL around a task that alerts 100 people, five times.

Exactly 100 alerts are stored for each: the task is run again, and has the effect of one run. Nothing else that the
worker had is lost, in whatever moment it dies.
"""

import asyncio
import contextlib
import os
import signal

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault, times
from lab.chaos.threads import in_thread

#: As many as get rows of their own; more get a distribution, which has tests of its own.
RECIPIENTS = 100

#: Seconds until the jobs of the dead worker are done: twenty without a heartbeat, some until that is seen.
LIMIT = 60.0

#: Seconds that the task takes, about.
WORK = 0.1

_RECIPIENTS = """
from hub.people.models import User
names = [f"many{number}" for number in range(number)]
known = set(User.objects.filter(username__in=names).values_list("username", flat=True))
User.objects.bulk_create(User(username=name) for name in names if name not in known)
"""
_START = """
from worker.tasks import send_broadcast
send_broadcast.delay(message, to=[f"user:many{n}" for n in range(number)])
"""
_COUNT = """
from notifications.models import Notification
print(Notification.objects.filter(message=message).count())
"""


class WorkerKilled(Fault):
    """Worker and child are killed around their work."""

    name = "worker-killed"
    seconds = 120.0
    seconds_at_least = 35.0
    sizes = (0.2, 0.2)
    #: It wants to be in the midst of the work, not in the midst of waiting for a database.
    mixes = False

    async def inject(self, experiment: Experiment, size: float) -> None:
        await in_thread(experiment.hub.observer.run, _RECIPIENTS, number=RECIPIENTS)
        before = [await self._kill(experiment) for _ in range(times(5, size))]
        experiment.notes.append(f"{sum(before)} of {len(before)} times it was dead before all had their alert")

    async def _kill(self, experiment: Experiment) -> bool:
        """Kill it once; whether that was before its work was done."""
        hub, ledger = experiment.hub, experiment.ledger
        await experiment.jobs_run(within=LIMIT)
        number = ledger.attempt("fan-out", copies=RECIPIENTS)
        message = ledger.text(number)

        async def count() -> int:
            return int(await in_thread(hub.observer.run, _COUNT, message=message))

        async def all_have_it() -> bool:
            return await count() >= RECIPIENTS

        await in_thread(hub.tasks.run, _START, message=message, number=RECIPIENTS)
        ledger.hand_over(number)
        # Before it is taken, while it is, or in the midst of it: that is what is tried.
        await asyncio.sleep(experiment.chance.uniform(0, WORK))
        for pid in hub.worker.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        stored = await count()
        await asyncio.sleep(experiment.chance.uniform(0, 0.4))
        await in_thread(hub.worker.kill)
        hub.worker.start()
        await experiment.eventually(all_have_it, within=LIMIT, that=f"{RECIPIENTS} people have the alert")
        return stored < RECIPIENTS
