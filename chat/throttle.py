"""Letting something through once in a while."""

import time
from collections.abc import Hashable


class Throttle:
    """Lets each key through at most once in ``seconds``, in this process. What it knows of older times it forgets."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since = time.monotonic()
        self._before: dict[Hashable, float] = {}
        self._let: dict[Hashable, float] = {}

    def lets(self, key: Hashable) -> bool:
        """Whether ``key`` may go through now; if so, it has."""
        now = time.monotonic()
        if now - self._since >= self._seconds:
            # Two generations: none is walked through, and both together are never older than twice the time.
            self._before, self._let, self._since = self._let, {}, now
        last = self._let.get(key, self._before.get(key))
        if last is not None and now - last < self._seconds:
            return False
        self._let[key] = now
        return True
