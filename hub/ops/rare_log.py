"""Log lines about what somebody may cause ten thousand times a second: one in a while says how many there were."""

import time
from typing import Any


class RareLog:
    """Writes a warning at once, and while more of the same follow, one in ``seconds``.

    Args:
        log: a structlog logger.
        seconds: between two lines.
    """

    def __init__(self, log: Any, seconds: float = 10.0) -> None:
        self._log = log
        self._seconds = seconds
        self._next = 0.0
        self._unsaid = 0

    def warning(self, event: str, **fields: Any) -> None:
        """``event`` happened once more. ``unsaid`` of a line is how many times it happened since the last one."""
        now = time.monotonic()
        if now < self._next:
            self._unsaid += 1
            return
        self._next, unsaid, self._unsaid = now + self._seconds, self._unsaid, 0
        self._log.warning(event, **fields, **({"unsaid": unsaid} if unsaid else {}))
