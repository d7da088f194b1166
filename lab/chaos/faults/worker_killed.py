"""A child of the worker, and then the worker, is killed with SIGKILL in the middle of a task that alerts 100 people.

Exactly 100 alerts are stored: the task is run again, and has the effect of one run. Nothing else that the worker had
is lost, in whatever moment it dies.
"""

import asyncio
import contextlib
import os
import signal

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.threads import in_thread

#: As many as get rows of their own; more get a distribution, which has tests of its own.
RECIPIENTS = 100

#: Seconds until the jobs of the dead worker are done: twenty without a heartbeat, some until that is seen.
LIMIT = 60.0

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
    """Worker and child are killed in the middle of their work."""

    name = "worker-killed"
    seconds = 35.0
    seconds_at_least = 35.0
    sizes = (1.0, 1.0)
    #: It wants to be in the midst of the work, not in the midst of waiting for a database.
    mixes = False

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub, ledger = experiment.hub, experiment.ledger
        await in_thread(hub.observer.run, _RECIPIENTS, number=RECIPIENTS)
        number = ledger.attempt("fan-out", copies=RECIPIENTS)
        message = ledger.text(number)
        await in_thread(hub.tasks.run, _START, message=message, number=RECIPIENTS)
        ledger.hand_over(number)
        # Before it is taken, while it is, or in the midst of it: that is what is tried.
        await asyncio.sleep(experiment.chance.uniform(0, 0.4))
        for pid in hub.worker.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(experiment.chance.uniform(0, 0.4))
        await in_thread(hub.worker.kill)
        hub.worker.start()

        async def count() -> bool:
            return int(await in_thread(hub.observer.run, _COUNT, message=message)) >= RECIPIENTS

        await experiment.eventually(count, within=LIMIT, that=f"{RECIPIENTS} people have the alert")
