"""Detects a part that runs but no longer works: it has no heartbeat."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

#: Checks for a heartbeat: True if there is one, False if there is none, None if that cannot be found out.
Probe = Callable[[], Awaitable[bool | None]]

#: Seconds between two probes.
INTERVAL = 5.0

#: Seconds that a part gets for its first heartbeat.
START_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class Life:
    """The probe of a part, and how many seconds the part may go without a heartbeat."""

    probe: Probe
    timeout: float


async def hangs(life: Life) -> float:
    """Return when a part that was started now shows no life any more, with how many seconds that is so.

    A probe that takes long, because this process was not scheduled, counts as two intervals at most. Never raises.
    """
    clock = asyncio.get_running_loop().time
    silent, timeout = 0.0, max(START_TIMEOUT, life.timeout)
    while silent < timeout:
        began = clock()
        try:
            sign = await life.probe()
        except Exception:  # noqa: BLE001  # what fails here says nothing of the part
            sign = None
        await asyncio.sleep(max(0.0, INTERVAL - (clock() - began)))
        if sign:
            silent, timeout = 0.0, life.timeout
        elif sign is False:
            silent += min(clock() - began, 2 * INTERVAL)
    return silent
