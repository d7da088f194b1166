"""Queries for what many sockets need at the same time: one for all of them, from a database thread."""

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from hub.concurrency.batcher import CONNECT_PAUSE, LONGEST, Batcher, TookTooLong
from hub.config import hub_settings
from hub.database.threads import hanging, in_database_thread

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def batched(query: Callable[[list[K]], Mapping[K, V]], *, limit: int = 500, connecting: bool = False) -> Batcher[K, V]:
    """``query`` for one key: those who ask while it is under way are asked about together, in the next one.

    ``await batched(query).get(key)`` gives the value of ``key``, or raises the error of that key alone: see
    :class:`hub.concurrency.batcher.Batcher`. Where half of the database threads hang in what was given up, nothing
    is asked, and each key has :class:`hub.concurrency.batcher.TookTooLong`: the other threads are left for the rest.

    Args:
        query: given at most ``limit`` different keys, returns a value for each. Where it raises, it must have changed
            nothing: it may be called again with the same keys.
        connecting: it is what clients ask when they connect. Of many that come at once, a query waits for some more.
    """

    async def load(keys: list[K]) -> Mapping[K, V]:
        threads = hanging(LONGEST)
        if threads and 2 * threads >= hub_settings().database_threads:
            raise TookTooLong(f"{threads} database threads hang")
        return await in_database_thread(query, keys)

    return Batcher(load, limit, CONNECT_PAUSE if connecting else 0.0)
