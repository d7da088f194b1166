"""A child of the worker, and then the worker, is killed with SIGKILL in the middle of a fan-out to 1,000 people.

Exactly 1,000 alerts are stored: the task is run again, and has the effect of one run.
"""

import asyncio
import contextlib
import os
import signal

from chaos.faults.base import Fault
from chaos.parts import Hub
from chaos.threads import in_thread
from chaos.trial import Trial

RECIPIENTS = 1000

#: Seconds of the hard time limit of the worker that follows. It gives out what the dead one had after twice that, and
#: looks every ten seconds; with the limit of an installation that takes ten minutes.
TIME_LIMIT = 4
LIMIT = 40.0

#: Seconds in which a worker notices that its child has died and takes the task again, at most.
GIVEN_OUT_AGAIN = 3.0

_RECIPIENTS = """
from django.contrib.auth.models import User
names = [f"many{number}" for number in range(number)]
known = set(User.objects.filter(username__in=names).values_list("username", flat=True))
User.objects.bulk_create(User(username=name) for name in names if name not in known)
"""
_START = (
    "from worker.tasks import send_broadcast; "
    "print(send_broadcast.delay(message, to=[f'user:many{n}' for n in range(number)]).id)"
)
_COUNT = """
from notifications.models import Notification
print(Notification.objects.filter(message=message).count())
"""


class WorkerKilled(Fault):
    """Worker and child are killed in the middle of their work."""

    name = "worker-killed"
    seconds = 25.0
    seconds_at_least = 25.0
    sizes = (1.0, 1.0)
    #: With so short a time limit a task that waits for a database ends, which it would not in an installation.
    mixes = False

    async def strike(self, trial: Trial, size: float) -> None:
        hub, ledger = trial.hub, trial.ledger
        await in_thread(hub.observer.run, _RECIPIENTS, number=RECIPIENTS)
        number = ledger.attempt("fan-out", copies=RECIPIENTS)
        message = ledger.text(number)
        try:
            task = await in_thread(hub.tasks.run, _START, message=message, number=RECIPIENTS)
        except AssertionError:  # no broker at this moment
            return
        ledger.hand_over(number)
        await trial.eventually(lambda: _received(hub, task) == 1, within=LIMIT, that="the worker has the task")
        await asyncio.sleep(trial.chance.uniform(0, 0.3))  # somewhere in it: that is what is tried
        for pid in hub.worker.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # Celery's Redis transport has no receipt: a worker that dies in the moment in which it is handed a task loses
        # it. So this one dies after that, where the child died in the middle of the task and it is given out anew.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GIVEN_OUT_AGAIN):
                while _received(hub, task) < 2:
                    await asyncio.sleep(0.01)
        await asyncio.sleep(trial.chance.uniform(0, 0.3))
        await in_thread(hub.worker.kill)
        hub.worker.start(HUB_TASK_TIME_LIMIT=str(TIME_LIMIT))

        async def count() -> bool:
            return int(await in_thread(hub.observer.run, _COUNT, message=message)) >= RECIPIENTS

        await trial.eventually(count, within=LIMIT, that=f"{RECIPIENTS} people have the alert")
        # What else the dead one had is given out by this worker; the next one would wait for ten minutes.
        await trial.eventually(
            lambda: not hub.redis.has_unfinished(older_than=2 * TIME_LIMIT), within=LIMIT, that="no task is left over"
        )
        await in_thread(hub.worker.stop)
        hub.worker.start()


def _received(hub: Hub, task: str) -> int:
    """How often a worker has said that it got the task of this id."""
    return hub.worker.output().count(f"[{task}] received")
