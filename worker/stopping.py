"""Whether the worker is to stop: what may take a minute and can go on later ends early then.

Celery lets a worker that is stopped (SIGTERM) finish what it runs, and tells its children nothing. They share a byte
with it, which exists before they are forked.
"""

import gc
import mmap
from typing import Any, Final

from celery import signals

_told: Final = mmap.mmap(-1, 1)


@signals.worker_shutdown.connect
def _leave_all_as_it_is(**kwargs: Any) -> None:
    """The interpreter looks through all objects while it ends: half a second of processor, many on a busy machine."""
    gc.freeze()


@signals.worker_shutting_down.connect
def _tell(**kwargs: Any) -> None:
    _told[0] = 1


def is_stopping() -> bool:
    """Whether the worker that this process belongs to was told to stop."""
    return _told[0] == 1
