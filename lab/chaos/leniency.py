"""What the limits of faults are held to, on a machine that is shared or not."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leniency:
    """How much more than its limit something may take.

    Args:
        times: how many times the limit.
        seconds: added to that. A process that waits for its turn on a busy core is late by as much, whatever it does,
            so that no limit below it could be held to.
    """

    times: float = 1.0
    seconds: float = 0.0

    def of(self, limit: float) -> float:
        """The seconds that what has a ``limit`` of seconds may take."""
        return limit * self.times + self.seconds


#: Each limit as it is.
EXACTLY = Leniency()
