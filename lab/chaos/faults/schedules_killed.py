"""Three schedules are due every one, two and three seconds and make up for all they miss. Meanwhile beat, the worker
and Redis are killed with SIGKILL, Redis comes back empty, and the database takes no writes for a while.

Each due time is counted: sent exactly once, none twice, none forgotten.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.threads import in_thread

EVERY = (1, 2, 3)

#: Seconds between two of the kills at full size, seconds without a database, and seconds until all is made up for.
PAUSE, AWAY, LIMIT = 6.0, 8.0, 60.0

_SCHEDULE = """
import json
from datetime import timedelta
from django.utils import timezone
from worker.schedules import schedule
start = timezone.now().replace(microsecond=0) + timedelta(seconds=2)
for seconds in every:
    schedule(to="everyone", message=f"{message} {seconds}", every=timedelta(seconds=seconds), start=start,
        missed="all", key=f"{message} {seconds}")
print(start.timestamp())
"""
_PAUSE = """
from worker.schedules import schedule_named
for seconds in every:
    schedule_named(f"{message} {seconds}").pause()
"""
_RUNS = """
import json
from notifications.models import Notification
from worker.schedules.models import ScheduleRun
found = {}
for seconds in every:
    key = f"{message} {seconds}"
    runs = ScheduleRun.objects.filter(schedule__key=key).order_by("due_at")
    found[seconds] = {
        "runs": [[run.due_at.timestamp(), run.status, run.notifications] for run in runs],
        "alerts": list(Notification.objects.filter(message=key).order_by("pk").values_list("pk", flat=True)),
    }
print(json.dumps(found))
"""
_DELETE = """
from worker.schedules import schedule_named
for seconds in every:
    schedule_named(f"{message} {seconds}").cancel()
"""


class SchedulesKilled(Fault):
    """What sends schedules is killed, and so is what it needs."""

    name = "schedules-killed"
    seconds = 35.0
    seconds_at_least = 20.0
    sizes = (0.2, 0.5)
    #: Another fault's mending would be taken for this one's.
    mixes = False

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub, chance = experiment.hub, experiment.chance
        message = f"scheduled {experiment.ledger.mark} {chance.getrandbits(24)}"
        start = float(await in_thread(hub.tasks.run, _SCHEDULE, message=message, every=EVERY))
        steps: list[Callable[[], Any]] = [
            hub.beat.kill,
            hub.beat.start,
            hub.worker.kill,
            hub.worker.start,
            hub.redis.kill,
            hub.redis.start_empty,
        ]
        for step in steps:
            await asyncio.sleep(chance.uniform(0, PAUSE * size))
            await in_thread(step)
        await in_thread(hub.database.break_)
        try:
            await asyncio.sleep(AWAY * size)
        finally:
            await in_thread(hub.database.heal)
        await in_thread(hub.wait_until_well, LIMIT)
        until = time.time()

        async def found() -> dict[str, Any]:
            rows: dict[str, Any] = json.loads(await in_thread(hub.observer.run, _RUNS, message=message, every=EVERY))
            return rows

        async def over() -> bool:
            rows = await found()
            return all(len(rows[str(seconds)]["runs"]) > (until - start) // seconds for seconds in EVERY)

        await experiment.eventually(over, within=LIMIT, that="all due times are over")
        await in_thread(hub.tasks.run, _PAUSE, message=message, every=EVERY)
        rows = await found()
        for seconds in EVERY:
            runs, alerts = rows[str(seconds)]["runs"], rows[str(seconds)]["alerts"]
            due = [start + seconds * number for number in range(len(runs))]
            sent = [moment for moment, status, _ in runs if status == "sent"]
            what = f"every {seconds} s: {len(sent)} of {len(due)} due times are sent, none is left out"
            experiment.must(sent == due, what)
            told = sorted(pk for _, _, notifications in runs for pk in notifications)
            experiment.must(told == alerts and len(alerts) == len(due), f"{len(alerts)} alerts, one for each")
        await in_thread(hub.tasks.run, _DELETE, message=message, every=EVERY)
