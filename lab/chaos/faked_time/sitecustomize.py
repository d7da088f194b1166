"""Read at the start of each Python that runs under libfaketime (``lab.chaos.faults.clock_jumps``).

There ``clock_nanosleep()`` refuses a deadline of the monotonic clock, which is what ``time.sleep()`` gives it from
Python 3.11 on. ``select()`` takes seconds from now, and is left as it is.
"""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    select.select([], [], [], float(seconds))


time.sleep = _sleep
