"""Work that takes turns: it stops after some seconds, and goes on with the next call."""

import time
from collections.abc import Callable


def _never() -> bool:
    return False


_is_stopping: Callable[[], bool] = _never


def end_early(is_stopping: Callable[[], bool]) -> None:
    """Have each turn of this process end as soon as ``is_stopping``. A worker says so, which does not wait then."""
    global _is_stopping
    _is_stopping = is_stopping


def is_over(deadline: float) -> bool:
    """Whether the turn is over: it is later than ``deadline`` (``time.monotonic()``), or this process is to stop."""
    return time.monotonic() > deadline or _is_stopping()
