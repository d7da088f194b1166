"""People of whom something failed: they are tried again after twice as long each time, so that they cost little."""

import time

from hub.users import Key

#: The longest rest, in seconds.
LONGEST = 600.0

#: Seconds that somebody rests after the second failure. After the first one they are tried again at once: most pass.
FIRST = 4.0


class Resting:
    """Who rests, as one process knows it."""

    def __init__(self) -> None:
        self._failures: dict[Key, tuple[int, float]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._failures and self._failures[key][1] > time.monotonic()

    def failed(self, key: Key) -> None:
        """Have this person rest: the longer, the more often in a row it failed."""
        number = self._failures.get(key, (0, 0.0))[0] + 1
        rest = min(LONGEST, FIRST * 2.0 ** min(number - 2, 10)) if number > 1 else 0.0
        self._failures[key] = number, time.monotonic() + rest

    def succeeded(self, key: Key) -> None:
        """Forget that it failed."""
        self._failures.pop(key, None)

    def keep(self, keys: set[Key]) -> None:
        """Forget all but these, of whom there is still something to do."""
        for key in self._failures.keys() - keys:
            self._failures.pop(key, None)
