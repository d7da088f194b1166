"""What a fault is."""

import abc
from typing import ClassVar

from lab.chaos.experiment import Experiment
from lab.chaos.parts import Hub


class Fault(abc.ABC):
    """Something that goes wrong. The docstring of each says what, and what must hold all the same.

    ``size`` is a share of the fault's full length: 1 is the length of the table in ``docs/howto/chaos.md``. Whatever
    its size, the ledger must be in order afterwards; that is not for the fault to check.
    """

    #: What the command line and the schedule call it.
    name: ClassVar[str]

    #: The least and the greatest size in a random schedule.
    sizes: ClassVar[tuple[float, float]] = (0.1, 0.3)

    #: About how many seconds it takes at full size, and at least.
    seconds: ClassVar[float]
    seconds_at_least: ClassVar[float] = 5.0

    #: Whether another fault may be injected at the same time.
    mixes: ClassVar[bool] = True

    def why_not(self, hub: Hub) -> str | None:
        """Why it cannot be injected here; None where it can."""
        return None

    @abc.abstractmethod
    async def inject(self, experiment: Experiment, size: float) -> None:
        """Break something, mend it, and note in ``experiment`` what did not hold. Returns when all is mended."""

    @classmethod
    def length(cls, size: float) -> float:
        """About how many seconds it takes at this size."""
        return max(cls.seconds_at_least, cls.seconds * size)


def times(full: int, size: float) -> int:
    """``size`` of ``full`` times, at least once."""
    return max(1, round(full * size))
