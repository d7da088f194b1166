"""How long code takes, whatever else the machine does meanwhile."""

import time
from pathlib import Path
from types import TracebackType
from typing import Self

#: Of the thread that reads it: nanoseconds on a processor, nanoseconds of waiting for one, turns (Linux).
_SCHEDULING = Path("/proc/thread-self/schedstat")


class Stopwatch:
    """Times a ``with`` block in one thread.

    ``seconds`` is the time that has passed, waits of the code's own included, less the time in which the thread was
    ready to go on and other programs had all processors.
    """

    seconds = 0.0

    def __enter__(self) -> Self:
        self._began = time.monotonic() - _delayed()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.seconds = time.monotonic() - _delayed() - self._began


def _delayed() -> float:
    """Seconds for which this thread has waited for a processor since it began."""
    return int(_SCHEDULING.read_text().split()[1]) / 1e9 if _SCHEDULING.exists() else 0.0
