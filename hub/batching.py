"""Asking for many things at once: what a thousand sockets need at the same time is one query, not a thousand."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Batcher(Generic[K, V]):
    """Collects keys while one batch is under way and loads them together as the next one.

    Alone, a key is loaded at once, so nobody waits for company. Serves one event loop at a time: the running one.

    Args:
        load: given at most ``limit`` different keys, returns a mapping with a value for each of them. What it raises
            is raised for each key of the batch.
        limit: keys in one batch.
    """

    def __init__(self, load: Callable[[list[K]], Awaitable[Mapping[K, V]]], limit: int = 500) -> None:
        self._load = load
        self._limit = limit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V:
        """The value of ``key``, loaded after this call began: never an older one."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._waiting, self._task = loop, {}, None
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = loop.create_future()
        if self._task is None:
            self._task = loop.create_task(self._run())
        # Several may wait for the same key: one that gives up must not take it from the others.
        return await asyncio.shield(future)

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = dict(islice(self._waiting.items(), self._limit))
                for key in batch:
                    del self._waiting[key]
                await self._answer(batch)
        finally:
            self._task = None

    async def _answer(self, batch: dict[K, asyncio.Future[V]]) -> None:
        try:
            found = await self._load(list(batch))
            values = [found[key] for key in batch]
        except Exception as error:  # noqa: BLE001  # each of those who wait has to learn of it
            for future in batch.values():
                future.set_exception(error)
                future.exception()  # seen: whoever waited may have given up
        except BaseException:
            for future in batch.values():
                future.cancel()
            raise
        else:
            for future, value in zip(batch.values(), values, strict=True):
                future.set_result(value)
