"""What one can only see by looking: how late the event loop is, how long queues are, what stands in the database."""

import asyncio
import itertools
import threading
from collections.abc import Callable

import structlog
from django.db import connections

from hub.concurrency.cancellation import is_wanted
from hub.concurrency.per_loop import PerLoop
from hub.ops import metrics

#: Seconds between two looks.
INTERVAL = 0.25

#: Every so many looks tasks are counted, which takes some milliseconds where there are tens of thousands, and what
#: :func:`regularly` was given is called.
TASKS_EVERY = 4

#: Seconds for which ``/metrics`` waits for figures from the database; without them it shows the last ones.
FIGURES_TIMEOUT = 0.5

log = structlog.get_logger(__name__)

#: How many things wait in a queue now. Called on the event loop; must not wait.
Length = Callable[[], int]

_queues: dict[str, Length] = {}

_looks: list[Callable[[], None]] = []

#: Sets gauges to what the database says.
Figures = Callable[[], None]

_figures: list[Figures] = []
_reading: threading.Thread | None = None
_lock = threading.Lock()


def queue(name: str, length: Length) -> None:
    """Have the length of a queue shown in ``/metrics``; called once by the module that owns it."""
    _queues[name] = length


def regularly(look: Callable[[], None]) -> None:
    """Have ``look`` called about once a second in each web process. It must not wait."""
    _looks.append(look)


def figures(read: Figures) -> None:
    """Have ``read`` called whenever ``/metrics`` is asked for; called once by the module that owns it."""
    _figures.append(read)


def read_figures() -> None:
    """Bring the figures up to date. Returns within :data:`FIGURES_TIMEOUT`, whatever the database does."""
    global _reading
    with _lock:
        if _reading is not None and _reading.is_alive():  # one that hangs is not joined by another
            return
        reading = _reading = threading.Thread(target=_read_figures, name="hub-figures", daemon=True)
        reading.start()
    reading.join(FIGURES_TIMEOUT)


def _read_figures() -> None:
    try:
        for read in _figures:
            read()
    except Exception as error:  # noqa: BLE001  # whatever it is, the other metrics are shown
        log.warning("figures_not_read", error=type(error).__name__)
    finally:
        connections.close_all()


class Watch:
    """Looks at this process for as long as its event loop runs; see :func:`current`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._task = self.loop.create_task(self._look_for_ever())

    async def _look_for_ever(self) -> None:
        for number in itertools.count():
            if not is_wanted():
                return
            if number % TASKS_EVERY == 0:
                metrics.TASKS.set(len(asyncio.all_tasks(self.loop)))
                for look in _looks:
                    look()
            due = self.loop.time() + INTERVAL
            await asyncio.sleep(INTERVAL)
            metrics.LOOP_LATE.observe(max(0.0, self.loop.time() - due))
            for name, length in _queues.items():
                metrics.WAITING.labels(name).set(length())

    async def close(self) -> None:
        """Look no more."""
        self._task.cancel()
        await asyncio.wait([self._task], timeout=INTERVAL)
        metrics.TASKS.set(0)
        for name in _queues:
            metrics.WAITING.labels(name).set(0)


#: The one of the running event loop.
current = PerLoop(Watch)
