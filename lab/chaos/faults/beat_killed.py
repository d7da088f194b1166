"""A second beat is started, and the first one is killed with SIGKILL while it sends a broadcast every other second.

No broadcast goes out twice, the second beat takes over, and the first one starts again without anybody cleaning up.
"""

import asyncio
import json
import time

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.threads import in_thread

#: Seconds between two broadcasts, and until one beat notices that the other one is gone and sends the next.
EVERY, TAKE_OVER = 2, 25.0

_SCHEDULE = """
import json
from django_celery_beat.models import IntervalSchedule, PeriodicTask
interval, _ = IntervalSchedule.objects.get_or_create(every=every, period=IntervalSchedule.SECONDS)
PeriodicTask.objects.create(
    name=message, task="worker.tasks.send_broadcast", interval=interval, kwargs=json.dumps({"message": message})
)
"""
_UNSCHEDULE = """
from django_celery_beat.models import PeriodicTask
PeriodicTask.objects.get(name=message).delete()
"""
_SENT = """
import json
from notifications.models import Notification
print(json.dumps([at.timestamp() for at in
    Notification.objects.filter(message=message).order_by("created_at").values_list("created_at", flat=True)]))
"""


class BeatKilled(Fault):
    """One of two beats is killed."""

    name = "beat-killed"
    seconds = 40.0
    seconds_at_least = 30.0
    sizes = (0.1, 0.1)

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub = experiment.hub
        message = f"every {EVERY} s {experiment.ledger.mark} {experiment.chance.getrandbits(24)}"

        async def sent() -> list[float]:
            found: list[float] = json.loads(await in_thread(hub.observer.run, _SENT, message=message))
            return found

        second = hub.another_beat("beat-2")
        began = time.time()
        await in_thread(hub.observer.run, _SCHEDULE, message=message, every=EVERY)
        second.start()
        try:
            await experiment.eventually(sent, within=TAKE_OVER, that="the first beat sends")
            await asyncio.sleep(size * 10)
            await in_thread(hub.beat.kill)
            hub.beat.start()
            killed_at = time.time()

            async def somebody_sends() -> bool:
                return any(at > killed_at + EVERY for at in await sent())

            await experiment.eventually(somebody_sends, within=TAKE_OVER, that="a beat sends again")
        finally:
            await in_thread(second.stop)
            await in_thread(hub.observer.run, _UNSCHEDULE, message=message)
        moments = await sent()
        allowed = int((time.time() - began) / EVERY) + 1
        experiment.must(len(moments) <= allowed, f"{len(moments)} broadcasts, at most {allowed} were due")
        experiment.must(hub.beat.runs(), "beat runs after its restart")
