"""Clocks that are set back: what was written before lies in the future then, for as long as the clock was wrong."""

import time
from datetime import timedelta

#: How far ahead a time may lie and still be right: clocks of hosts differ.
AHEAD = timedelta(seconds=60)


class Clock:
    """Compares the clock of this host with one that never jumps."""

    def __init__(self) -> None:
        self._offset = _offset()

    def was_set_back(self) -> float:
        """Seconds by which it was set back since the last call; 0 where that is less than :data:`AHEAD`."""
        before, self._offset = self._offset, _offset()
        back = before - self._offset
        return back if back > AHEAD.total_seconds() else 0.0


def _offset() -> float:
    return time.time() - time.monotonic()
