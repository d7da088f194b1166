"""How long code takes, whatever else the machine does meanwhile."""

import time
from pathlib import Path
from types import TracebackType
from typing import Self


class Stopwatch:
    """Times a ``with`` block in one thread.

    ``seconds`` is the time that has passed, waits of the code's own included, less the time in which the thread was
    ready to go on and other programs had all processors.
    """

    seconds = 0.0

    def __enter__(self) -> Self:
        self._began = time.monotonic() - delayed()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.seconds = time.monotonic() - delayed() - self._began


def delayed(whom: str = "thread-self") -> float:
    """Seconds for which this thread has waited for a processor since it began (Linux; elsewhere 0).

    ``whom`` is the number of a process: of its main thread then.
    """
    # Nanoseconds on a processor, nanoseconds of waiting for one, turns.
    scheduling = Path("/proc", whom, "schedstat")
    return int(scheduling.read_text().split()[1]) / 1e9 if scheduling.exists() else 0.0
