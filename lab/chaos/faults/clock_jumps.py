"""The clock of all processes of the hub jumps: 25 hours ahead, to what is right, an hour ahead, and two hours back.

Nothing is lost, alerts and jobs go on, nobody is said to have left a room. A broadcast that is due every hour goes out
once after a jump, not once for every hour, and one that is due every other second does not wait until the clock is
again where it was.
"""

import asyncio
import json
from pathlib import Path

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.faults.rolling_restart import leave_notices
from lab.chaos.parts import Hub, Part
from lab.chaos.threads import in_thread
from lab.harness.environment import BASE_DIR

HOUR = 3600
JUMPS = (25 * HOUR, 0, HOUR, -HOUR)

#: Seconds that a process may go on with the time that it read last.
CACHED = 1

#: Seconds between two broadcasts of the schedule that must not wait, and until it has sent one: beat looks at its
#: schedules every five, and a storm would be over by then.
EVERY, GOES_ON = 2, 20.0

#: Seconds until beat and worker are at work again.
WELL_LIMIT = 60.0

#: Mends what libfaketime breaks in Python; each process that is started imports it.
_FAKED_TIME = Path(__file__).resolve().parents[1] / "faked_time"
_PLACES = ("/usr/lib", "/usr/local/lib", "/opt/homebrew/lib")

_SCHEDULE = """
import json
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
for message, seconds in schedules.items():
    interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(
        name=message, task="worker.tasks.send_broadcast", interval=interval, last_run_at=timezone.now(),
        kwargs=json.dumps({"message": message}),
    )
"""
_UNSCHEDULE = """
from django_celery_beat.models import PeriodicTask
for row in PeriodicTask.objects.filter(name__in=list(schedules)):
    row.delete()
"""
_SENT = "from notifications.models import Notification; print(Notification.objects.filter(message=message).count())"


class ClockJumps(Fault):
    """Clocks jump."""

    name = "clock-jumps"
    seconds = 70.0
    seconds_at_least = 35.0
    sizes = (1.0, 1.0)
    mixes = False

    def why_not(self, hub: Hub) -> str | None:
        return None if library() else "libfaketime is not installed (apt-get install libfaketime)"

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub, clock = experiment.hub, experiment.hub.folder / "clock"
        run = f"{experiment.ledger.mark} {experiment.chance.getrandbits(24)}"
        hourly, frequent = f"every hour {run}", f"every {EVERY} s {run}"
        schedules = {hourly: HOUR, frequent: EVERY}
        _set(clock, 0)
        try:
            await _restart(experiment, _variables(clock))
            left = leave_notices(experiment)
            await in_thread(hub.observer.run, _SCHEDULE, schedules=schedules)
            for jump in JUMPS[: max(1, round(len(JUMPS) * size))]:
                before = await _sent(experiment, hourly), await _sent(experiment, frequent)
                _set(clock, jump)
                await asyncio.sleep(2 * CACHED)  # now all processes know, and have acted on what they know
                await self._goes_on(experiment, frequent, before[1])
                if jump == JUMPS[0]:
                    await self._is_made_up_for(experiment, hourly, before[0])
                new = await _sent(experiment, hourly) - before[0]
                experiment.must(
                    new <= 1, f"{new} broadcasts of an hourly schedule after a jump to {jump / HOUR:+.0f} h"
                )
            experiment.must(not (gone := left()), f"{len(gone)} notices that somebody left {gone[:3]}")
        finally:
            await in_thread(hub.observer.run, _UNSCHEDULE, schedules=schedules)
            await _restart(experiment, {})
        await experiment.everybody_receives(within=10)

    async def _is_made_up_for(self, experiment: Experiment, hourly: str, sent_before: int) -> None:
        async def was_sent() -> bool:
            return await _sent(experiment, hourly) > sent_before

        await experiment.eventually(was_sent, within=GOES_ON, that="what was due meanwhile goes out")

    async def _goes_on(self, experiment: Experiment, frequent: str, sent_before: int) -> None:
        await experiment.everybody_receives(within=10)
        await experiment.jobs_run(within=GOES_ON)
        sent = await _sent(experiment, frequent)

        async def sends_again() -> bool:
            return await _sent(experiment, frequent) > max(sent, sent_before)

        await experiment.eventually(sends_again, within=GOES_ON, that=f"what is due every {EVERY} s goes out")


def library() -> Path | None:
    """Where libfaketime is; None where it is not installed."""
    for place in map(Path, _PLACES):
        for found in (*place.glob("faketime/libfaketime.so.1"), *place.glob("*/faketime/libfaketime.so.1")):
            return found
    return None


def _set(clock: Path, seconds: int) -> None:
    draft = clock.with_suffix(".new")
    draft.write_text(f"{seconds:+d}\n")
    draft.replace(clock)


def _variables(clock: Path) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": str(CACHED),
        # Deadlines and sleeps go by the monotonic clock, which never jumps.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": f"{_FAKED_TIME}:{BASE_DIR}",
    }


async def _restart(experiment: Experiment, variables: dict[str, str]) -> None:
    """Stop all that has a clock, and start it with ``variables``."""
    hub = experiment.hub

    async def restart(part: Part) -> None:
        await in_thread(part.stop)
        part.start(**variables)

    await in_thread(hub.open_shells, **variables)
    await asyncio.gather(*map(restart, (*hub.webs, hub.worker, hub.beat)))
    await in_thread(hub.wait_until_well, WELL_LIMIT)
    await experiment.everybody_is_back(within=30)


async def _sent(experiment: Experiment, message: str) -> int:
    return int(json.loads(await in_thread(experiment.hub.observer.run, _SENT, message=message)))
