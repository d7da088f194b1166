"""Log lines about what somebody may cause ten thousand times a second: one in a while says how many there were."""

import time
from collections.abc import Callable
from typing import Any

#: Kinds of lines that are told apart; the others of an event are one kind.
KINDS_LIMIT = 100
_OTHERS = "\0"


class _Window:
    """What was written of one kind, and what was not."""

    __slots__ = ("ends", "unsaid", "written")

    def __init__(self) -> None:
        self.ends = 0.0
        self.written = 0
        self.unsaid = 0


class RareLog:
    """Writes the first lines at once, and of more of the same kind no more than ``burst`` in ``seconds``.

    Args:
        log: a structlog logger.
        seconds: of a window, which begins with its first line.
        burst: lines in it.
    """

    def __init__(self, log: Any, seconds: float = 10.0, burst: int = 1) -> None:
        self._log = log
        self._seconds = seconds
        self._burst = burst
        #: By event and kind.
        self._windows: dict[tuple[str, str], _Window] = {}

    def warning(self, event: str, *, kind: str = "", **fields: Any) -> None:
        """``event`` happened once more. ``unsaid`` of a line is how many times it happened since the last one.

        Args:
            kind: many of one kind do not hide those of another, nor other events of this one; it is not written.
        """
        self._write(self._log.warning, event, kind, fields)

    def error(self, event: str, *, kind: str = "", **fields: Any) -> None:
        """As :meth:`warning`, for what somebody has to mend."""
        self._write(self._log.error, event, kind, fields)

    def _write(self, write: Callable[..., Any], event: str, kind: str, fields: dict[str, Any]) -> None:
        now = time.monotonic()
        window = self._windows.get((event, kind))
        if window is None:
            if len(self._windows) >= KINDS_LIMIT:
                self._windows = {known: window for known, window in self._windows.items() if now < window.ends}
            if len(self._windows) >= KINDS_LIMIT:
                kind = _OTHERS
            window = self._windows.setdefault((event, kind), _Window())
        if now >= window.ends:
            window.ends, window.written = now + self._seconds, 0
        elif window.written >= self._burst:
            window.unsaid += 1
            return
        window.written += 1
        unsaid, window.unsaid = window.unsaid, 0
        write(event, **fields, **({"unsaid": unsaid} if unsaid else {}))
