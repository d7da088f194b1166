"""Samples and stats for ``/metrics``: the delay of the event loop, the length of queues, counts in the database."""

import asyncio
import threading
from collections.abc import Callable

from django.db import connections

from hub.concurrency import background
from hub.concurrency.background import Background
from hub.concurrency.node import Part
from hub.logs import get_logger
from hub.ops import metrics

#: Seconds between two samples.
INTERVAL = 0.25

#: After this many turns tasks are counted, which takes milliseconds for tens of thousands, and samplers are called.
TASKS_EVERY = 4

#: Seconds for which ``/metrics`` waits for stats from the database; without them it shows the last ones.
STATS_TIMEOUT = 0.5

log = get_logger(__name__)

#: How many things wait in a queue now. Called on the event loop; must not wait.
Length = Callable[[], int]

_queues: dict[str, Length] = {}

_samplers: list[Callable[[], None]] = []

#: Sets gauges to what the database says.
ReadStats = Callable[[], None]

_stats: list[ReadStats] = []
_reading: threading.Thread | None = None
_lock = threading.Lock()


def queue(name: str, length: Length) -> None:
    """Show the length of a queue in ``/metrics``. The module that owns the queue calls this once."""
    _queues[name] = length


def sample(sampler: Callable[[], None]) -> None:
    """Call ``sampler`` about once a second in each web process. It must not wait."""
    _samplers.append(sampler)


def stats(read: ReadStats) -> None:
    """Call ``read`` for each request for ``/metrics``. The module that owns the gauges calls this once."""
    _stats.append(read)


def read_stats() -> None:
    """Bring the stats up to date. Returns within :data:`STATS_TIMEOUT`, whatever the database does."""
    global _reading
    with _lock:
        if _reading is not None and _reading.is_alive():  # one that hangs is not joined by another
            return
        reading = _reading = threading.Thread(target=_read_stats, name="hub-stats", daemon=True)
        reading.start()
    reading.join(STATS_TIMEOUT)


def _read_stats() -> None:
    try:
        for read in _stats:
            read()
    except Exception as error:  # noqa: BLE001  # whatever it is, the other metrics are shown
        log.warning("stats_not_read", error=type(error).__name__)
    finally:
        connections.close_all()


class Sampler:
    """Samples this process as long as its event loop runs; see :func:`current`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._turns = 0
        self._sampling = Background("samples", self._sample, event="sample_failed")
        self._sampling.wake()

    async def _sample(self) -> float:
        turn, self._turns = self._turns, self._turns + 1  # first, so that a sampler that fails stops no other sample
        if turn % TASKS_EVERY == 0:
            metrics.TASKS.set(len(asyncio.all_tasks(self.loop)))
            for sampler in _samplers:
                sampler()
        due = self.loop.time() + INTERVAL
        await asyncio.sleep(INTERVAL)
        metrics.LOOP_LATE.observe(max(0.0, self.loop.time() - due))
        for name, length in _queues.items():
            metrics.WAITING.labels(name).set(length())
        return 0.0

    async def close(self) -> None:
        """Stop sampling."""
        await self._sampling.close()
        metrics.TASKS.set(0)
        for name in _queues:
            metrics.WAITING.labels(name).set(0)


def _count_failure(name: str) -> None:
    metrics.LOOP_FAILURES.labels(name).inc()


background.on_failure(_count_failure)

#: The one of the running event loop.
current = Part(Sampler, at_start=True)
