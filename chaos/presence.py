"""Somebody who looks at the number of people online."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Self

import websockets


class Watcher:
    """A guest on ``/ws/online/`` of one web process; ``count`` is the newest number it was told."""

    def __init__(self, ws_url: str) -> None:
        self.count = 0
        self._url = f"{ws_url}/ws/online/"

    async def __aenter__(self) -> Self:
        self._connection = await websockets.connect(
            self._url, compression=None, proxy=None, ping_interval=None, close_timeout=1
        )
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._connection.close()

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
