"""Somebody has started a dozen jobs. The worker is killed with SIGKILL while some of them run, then Redis and beat.

Within 30 s no job of the dead worker is shown as running: it is lost, or runs again. Each job ends as succeeded, and
the person's history says so once of each.
"""

import asyncio
import json
from collections import Counter

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.threads import in_thread

JOBS, STEPS, STEP = 12, 20, 0.1

#: Seconds until what the dead worker ran is seen not to run, and until all jobs have ended.
SEEN, LIMIT = 30.0, 90.0

_START = """
import json
from hub.people.models import User
from lab.chaos.job_tasks import steps
from worker.tracking import started_by
owner, _ = User.objects.get_or_create(username=name)
with started_by(owner):
    print(json.dumps([steps.delay(number, seconds, count).id for number in range(jobs)]))
"""
_STATES = """
import json
from worker.models import TrackedJob
print(json.dumps({row.pk: [row.state, row.runs] for row in TrackedJob.objects.filter(pk__in=ids)}))
"""
_TOLD = """
import json
from hub.models import Publication
from hub.people.models import User
from hub.users import user_id
from worker.events import channel_of
channel = channel_of(user_id(User.objects.get(username=name)))
told = [json.loads(text)["item"] for text in
    Publication.objects.filter(channel=channel, data__contains="succeeded").values_list("data", flat=True)]
print(json.dumps([item["id"] for item in told if item["state"] == "succeeded" and item["id"] in ids]))
"""

States = dict[str, tuple[str, int]]


class JobsKilled(Fault):
    """What runs, sends and carries jobs is killed."""

    name = "jobs-killed"
    seconds = 40.0
    seconds_at_least = 40.0
    sizes = (1.0, 1.0)
    #: It wants to see what a killed worker alone does.
    mixes = False

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub, name = experiment.hub, f"jobs{experiment.chance.getrandbits(32)}"
        text = await in_thread(hub.tasks.run, _START, name=name, jobs=JOBS, seconds=STEP, count=STEPS)
        ids: list[str] = json.loads(text)

        async def states() -> States:
            found: States = json.loads(await in_thread(hub.observer.run, _STATES, ids=ids))
            return found

        async def running() -> bool:
            return any(state == "running" for state, _ in (await states()).values())

        await experiment.eventually(running, within=LIMIT, that="a job runs")
        await in_thread(hub.worker.kill)
        dead = {id_: run for id_, run in (await states()).items() if run[0] == "running"}
        hub.worker.start()

        async def seen() -> bool:
            now = await states()
            return all(now[id_] != run for id_, run in dead.items())

        await experiment.eventually(seen, within=SEEN, that=f"{len(dead)} jobs of the dead worker are seen as lost")
        await in_thread(hub.redis.kill)
        await in_thread(hub.redis.start_empty)
        await in_thread(hub.beat.kill)
        await asyncio.sleep(experiment.chance.uniform(0, 1))
        hub.beat.start()

        async def ended() -> bool:
            return all(state == "succeeded" for state, _ in (await states()).values())

        await experiment.eventually(ended, within=LIMIT, that=f"all {JOBS} jobs have succeeded")
        now = await states()
        experiment.must(len(now) == JOBS, f"{len(now)} of {JOBS} jobs have a row")
        told = Counter[str](json.loads(await in_thread(hub.observer.run, _TOLD, name=name, ids=ids)))
        once = sum(number == 1 for number in told.values())
        experiment.must(once == JOBS, f"the ends of {once} of {JOBS} jobs are told, once each")
