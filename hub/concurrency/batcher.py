"""Asking for many things at once: what a thousand sockets need at the same time is one query, not a thousand."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from itertools import islice
from typing import Generic, TypeVar

from django.db import OperationalError

from hub.concurrency.faults import is_conflict, is_everybodys

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Seconds for ``pause`` of what connecting clients need. A query for one costs as much as a query for twenty.
CONNECT_PAUSE = 0.01

#: Seconds that a batch may take, with all that is loaded again for it: longer than SQLite waits for another writer.
LONGEST = 20.0


class TookTooLong(OperationalError):
    """What a batch asks did not answer in time. Like a database that is away: another try may succeed."""


class Batcher(Generic[K, V]):
    """Collects keys while one batch is under way and loads them together as the next one.

    Alone, a key is loaded at once, so nobody waits for company. Serves one event loop at a time: the running one.

    Nobody pays for what another one asks. A batch that cannot be loaded is loaded again in halves, down to the keys
    that are at fault: ``b`` of them among ``n`` cost at most ``2·b·log2(n)`` further loads. Where the database or the
    network is away (:func:`hub.concurrency.faults.is_everybodys`), the error is that of each key, and nothing is tried
    again; one that only met another transaction (:func:`hub.concurrency.faults.is_conflict`) is no such error.

    Nor does anybody wait for good: a batch that takes longer than :data:`LONGEST` is cancelled, those who wait for it
    get :class:`TookTooLong`, and the next one begins. A thread that it waited for goes on.

    Args:
        load: given at most ``limit`` different keys, returns a mapping with a value for each of them. Where it raises,
            it must have changed nothing: it may be called again with the same keys.
        limit: keys in one batch.
        pause: seconds that a batch which others are already waiting for, and which is not full, waits for more.
    """

    def __init__(
        self, load: Callable[[list[K]], Awaitable[Mapping[K, V]]], limit: int = 500, pause: float = 0.0
    ) -> None:
        self._load = load
        self._limit = limit
        self._pause = pause
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[K, list[asyncio.Future[V]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V:
        """The value of ``key``, loaded after this call began: never an older one."""
        return await self._ask(key)

    async def get_many(self, keys: Iterable[K]) -> list[V]:
        """The value of each of ``keys``, as :meth:`get` gives it; raises the first error."""
        futures = [self._ask(key) for key in keys]
        try:
            return [await future for future in futures]
        finally:
            for future in futures:
                # Nobody waits for those behind one that failed, and an error in them is no news.
                if not future.cancel() and not future.cancelled():
                    future.exception()

    def _ask(self, key: K) -> asyncio.Future[V]:
        """A future for this caller alone: one that gives up takes nothing from others who wait for the same key."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._waiting, self._task = loop, {}, None
        future: asyncio.Future[V] = loop.create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._task is None:
            self._task = loop.create_task(self._run())
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting
                if len(batch) <= self._limit:
                    self._waiting = {}
                else:
                    batch = dict(islice(batch.items(), self._limit))
                    for key in batch:
                        del self._waiting[key]
                try:
                    async with asyncio.timeout(LONGEST):
                        await self._answer(batch)
                except TimeoutError:
                    _fail(batch.values(), TookTooLong(f"no answer in {LONGEST:g} s"))
                except BaseException:
                    _give_up(batch.values())
                    raise
                if self._pause and 0 < len(self._waiting) < self._limit:
                    await asyncio.sleep(self._pause)
        except asyncio.CancelledError:
            waiting, self._waiting = self._waiting, {}
            _give_up(waiting.values())  # nobody else would load what they wait for
            raise
        finally:
            self._task = None

    async def _answer(self, batch: dict[K, list[asyncio.Future[V]]]) -> None:
        """Give each of those who wait the value or the error of their key."""
        try:
            found = await self._load(list(batch))
        except Exception as error:  # noqa: BLE001  # each of those who wait has to learn of it
            if len(batch) == 1 or (is_everybodys(error) and not is_conflict(error)):
                _fail(batch.values(), error)
                return
        else:
            for key, futures in batch.items():
                if key in found:
                    _succeed(futures, found[key])
                else:
                    _fail([futures], KeyError(key))
            return
        keys = list(batch)
        middle = len(keys) // 2
        first, second = ({key: batch[key] for key in half} for half in (keys[:middle], keys[middle:]))
        await self._answer(first)
        await self._answer(second)


def _succeed(futures: Iterable[asyncio.Future[V]], value: V) -> None:
    for future in _still_wanted([futures]):
        future.set_result(value)


def _fail(askers: Iterable[Iterable[asyncio.Future[V]]], error: Exception) -> None:
    for future in _still_wanted(askers):
        future.set_exception(error)
        future.exception()  # seen: whoever waited may be about to give up


def _give_up(askers: Iterable[Iterable[asyncio.Future[V]]]) -> None:
    for future in _still_wanted(askers):
        future.cancel()


def _still_wanted(askers: Iterable[Iterable[asyncio.Future[V]]]) -> list[asyncio.Future[V]]:
    return [future for futures in askers for future in futures if not future.done()]
