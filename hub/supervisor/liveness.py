"""Whether a part that runs still works, as far as it shows signs of life."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

#: Looks for a sign of life: True where there is one, False where there is none, None where nothing can be said.
Look = Callable[[], Awaitable[bool | None]]

#: Seconds between two looks.
INTERVAL = 5.0

#: Seconds that a part gets for its first sign of life.
START_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Life:
    """How a part shows that it works, and for how many seconds it may not."""

    look: Look
    patience: float


async def hangs(life: Life) -> float:
    """Return when a part that was started now shows no life any more, with how many seconds that is so.

    A look that takes long, because this process did not get its turn, counts as two intervals at most. Never raises.
    """
    clock = asyncio.get_running_loop().time
    silent, patience = 0.0, max(START_PATIENCE, life.patience)
    while silent < patience:
        began = clock()
        try:
            sign = await life.look()
        except Exception:  # noqa: BLE001  # what fails here says nothing of the part
            sign = None
        await asyncio.sleep(max(0.0, INTERVAL - (clock() - began)))
        if sign:
            silent, patience = 0.0, life.patience
        elif sign is False:
            silent += min(clock() - began, 2 * INTERVAL)
    return silent
