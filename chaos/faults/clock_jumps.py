"""The clock of all processes of the hub jumps: an hour ahead, an hour back, 25 hours ahead.

Nothing is lost, and a broadcast that is due every hour goes out once after a jump, not once for every hour.
"""

import asyncio
import json
import time
from pathlib import Path

from chaos.faults.base import Fault
from chaos.parts import Hub, Web
from chaos.threads import in_thread
from chaos.trial import Trial

HOUR = 3600
JUMPS = (HOUR, -HOUR, 25 * HOUR)

#: Seconds after a jump in which a storm would be seen: beat looks at its schedules every five.
LOOK = 8.0

#: Seconds until beat is at work again: the lease of the one that was stopped, by another clock, and a tick.
WELL_LIMIT = 60.0

_PLACES = ("/usr/lib", "/usr/local/lib", "/opt/homebrew/lib")

_SCHEDULE = """
import json
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
interval, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.HOURS)
PeriodicTask.objects.create(
    name=message, task="worker.tasks.send_broadcast", interval=interval, last_run_at=timezone.now(),
    kwargs=json.dumps({"message": message}),
)
"""
_UNSCHEDULE = "from django_celery_beat.models import PeriodicTask; PeriodicTask.objects.get(name=message).delete()"
_SENT = "from notifications.models import Notification; print(Notification.objects.filter(message=message).count())"


class ClockJumps(Fault):
    """Clocks jump."""

    name = "clock-jumps"
    seconds = 90.0
    seconds_at_least = 60.0
    sizes = (0.34, 0.34)
    mixes = False

    def why_not(self, hub: Hub) -> str | None:
        return None if library() else "libfaketime is not installed"

    async def strike(self, trial: Trial, size: float) -> None:
        hub, clock = trial.hub, trial.hub.folder / "clock"
        message = f"every hour {trial.ledger.mark} {trial.chance.getrandbits(24)}"
        await in_thread(hub.observer.run, _SCHEDULE, message=message)
        _set(clock, 0)
        variables = {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_CACHE_DURATION": "1",
            # Deadlines and sleeps go by the monotonic clock, which never jumps.
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        try:
            await _restart(trial, variables)
            jumps = JUMPS[: max(1, round(len(JUMPS) * size))]
            for jump in jumps:
                before = await _sent(trial, message)
                _set(clock, jump)
                began = time.monotonic()
                await trial.everybody_receives(within=10)
                await asyncio.sleep(max(0.0, LOOK - (time.monotonic() - began)))
                new = await _sent(trial, message) - before
                trial.must(new <= 1, f"{new} broadcasts of an hourly schedule after a jump of {jump / HOUR:+.0f} h")
        finally:
            await _restart(trial, {})
            await in_thread(hub.observer.run, _UNSCHEDULE, message=message)
        await trial.everybody_receives(within=10)


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


async def _restart(trial: Trial, variables: dict[str, str]) -> None:
    hub = trial.hub
    for part in (*hub.webs, hub.worker, hub.beat):
        await in_thread(part.stop)
        part.start(**variables)
        if isinstance(part, Web):
            await trial.serves(part)
    await in_thread(hub.wait_until_well, WELL_LIMIT)
    await trial.everybody_is_back(within=30)


async def _sent(trial: Trial, message: str) -> int:
    return int(json.loads(await in_thread(trial.hub.observer.run, _SENT, message=message)))
