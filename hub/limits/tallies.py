"""A limit on many small things, such as messages: counted here, and taken from the limit several at a time.

:func:`hub.limits.take` is a round trip to Redis. For what people do twenty times a minute that is too much, and being
exact is worth little.
"""

import math
import threading
import time
from collections import OrderedDict

from hub.database.threads import in_database_thread
from hub.limits.rates import Limit, TooMany, count_refusal, take

#: Things of one user that are taken from the limit together, at most.
STEP = 20

#: What part of the smallest rate of the limit that may be.
PART = 10

#: Users whose things are counted; the one that did nothing for longest is forgotten first.
KEPT = 10_000


class Tally:
    """Counts for one limit in this process; usable from any thread.

    Each process lets through at most a tenth of the smallest rate, and at most :data:`STEP`, more than the limit says;
    and what comes while it asks Redis.
    """

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._counts: OrderedDict[object, int] = OrderedDict()
        #: By user: until when, on the clock of ``time.monotonic()``, each try is refused without asking.
        self._refused: OrderedDict[object, float] = OrderedDict()

    def take(self, who: object) -> None:
        """Count one thing of ``who``.

        Raises:
            TooMany: that is more than the limit allows; it is not counted.
        """
        if step := self._count(who):
            self._ask(who, step)

    async def atake(self, who: object) -> None:
        """:meth:`take` on an event loop, which does not wait for Redis."""
        if step := self._count(who):
            await in_database_thread(self._ask, who, step)

    def give_back(self, who: object) -> None:
        """Count one thing of ``who`` less: :meth:`take` let it through, and it did not come to be after all.

        It stays with this process, which lets one more through before it asks Redis.
        """
        if self._limit.rates:
            with self._lock:
                self._add(who, -1)

    def _count(self, who: object) -> int:
        """Count one thing; returns how many are to be taken from the limit now. Raises ``TooMany``."""
        rates = self._limit.rates
        if not rates:
            return 0
        step = min(STEP, max(1, min(rate.amount for rate in rates) // PART))
        with self._lock:
            left = self._refused.get(who, 0.0) - time.monotonic()
            if left <= 0:
                if self._add(who, 1) < step:
                    return 0
                self._add(who, -step)
                return step
        count_refusal(self._limit.name)
        raise TooMany(self._limit, math.ceil(left))

    def _ask(self, who: object, step: int) -> None:
        try:
            take(self._limit, who, cost=step)
        except TooMany as refusal:
            with self._lock:
                self._refused[who] = time.monotonic() + refusal.retry_after
                _forget_the_oldest(self._refused)
                # The first try after that asks again.
                self._add(who, step - 1)
            raise
        with self._lock:
            self._refused.pop(who, None)

    def _add(self, who: object, number: int) -> int:
        count = self._counts.pop(who, 0) + number
        if count:
            self._counts[who] = count
            _forget_the_oldest(self._counts)
        return count

    def forget(self) -> None:
        """Count as if nobody had done anything yet in this process."""
        with self._lock:
            self._counts.clear()
            self._refused.clear()


def _forget_the_oldest(of_users: OrderedDict[object, int] | OrderedDict[object, float]) -> None:
    if len(of_users) > KEPT:
        of_users.popitem(last=False)
