"""Those who look at the number of people online: some stay, others come, look once and go."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Self

import websockets

from lab.chaos.parts import Web

#: Seconds between two newcomers at a web process, and for which one waits to be told.
PAUSE, TIMEOUT = 0.05, 15.0


class Watcher:
    """A guest on ``/ws/online/`` of one web process.

    ``count`` is the newest number it was told, ``least`` the smallest since :meth:`look_from_here`.
    """

    def __init__(self, ws_url: str) -> None:
        self.count = self.least = 0
        self._url = f"{ws_url}/ws/online/"

    async def __aenter__(self) -> Self:
        self._connection = await _connect(self._url)
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._connection.close()

    def look_from_here(self) -> None:
        """Forget what was smaller before."""
        self.least = self.count

    @classmethod
    @contextlib.asynccontextmanager
    async def several(cls, ws_url: str, number: int) -> AsyncIterator[list["Watcher"]]:
        """So many at once."""
        async with contextlib.AsyncExitStack() as stack:
            yield [await stack.enter_async_context(cls(ws_url)) for _ in range(number)]

    async def _read(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self._connection:
                self.count = json.loads(text)["count"]
                self.least = min(self.least, self.count)


@contextlib.asynccontextmanager
async def newcomers(webs: Sequence[Web]) -> AsyncIterator[list[int]]:
    """The numbers that guests are told who come to each web process during the block, one after the other.

    They see each moment; those who stay are told of changes only, as the hub notices them.
    """
    told: list[int] = []

    async def come_for_ever(url: str) -> None:
        while True:
            with contextlib.suppress(websockets.WebSocketException, OSError, TimeoutError):
                async with asyncio.timeout(TIMEOUT), _connect(url) as connection:
                    told.append(json.loads(await connection.recv())["count"])
            await asyncio.sleep(PAUSE)

    tasks = [asyncio.create_task(come_for_ever(f"{web.ws_url}/ws/online/")) for web in webs]
    try:
        yield told
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()):
                raise error


def _connect(url: str) -> websockets.connect:
    return websockets.connect(url, compression=None, proxy=None, ping_interval=None, close_timeout=1)
