"""The protocol's JavaScript client in a Node.js process of its own (``client.mjs``)."""

import asyncio
import contextlib
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("client.mjs")

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="There is no Node.js on PATH.")


class NodeFailed(Exception):
    """The program ended, or a command failed; the text says how."""


class NodeClient:
    """What the client said, in order, and commands for it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.heard: list[dict[str, Any]] = []
        self._process = process
        self._ids = itertools.count(1)
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.heard.append(json.loads(line))
            self._news.set()

    def all(self, event: str) -> list[dict[str, Any]]:
        """Everything of one kind so far."""
        return [heard for heard in self.heard if heard["event"] == event]

    async def wait(self, event: str, number: int = 1, timeout: float = 20.0) -> dict[str, Any]:
        """The ``number``-th event of a kind."""
        try:
            async with asyncio.timeout(timeout):
                while len(found := self.all(event)) < number:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"Not heard: {number} times {event!r}; heard: {self.heard}") from None
        return found[number - 1]

    async def do(self, command: str, **arguments: Any) -> Any:
        """Carry out a command of ``client.mjs``; returns its result.

        Raises:
            NodeFailed: with the code of the error.
        """
        assert self._process.stdin is not None
        number = next(self._ids)
        self._process.stdin.write(json.dumps({"id": number, "do": command, **arguments}).encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(20):
            while not (found := [done for done in self.all("done") if done["id"] == number]):
                self._news.clear()
                await self._news.wait()
        if "error" in found[0]:
            raise NodeFailed(found[0]["error"])
        return found[0]["result"]

    async def close(self) -> None:
        """End the program."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading


@contextlib.asynccontextmanager
async def node_client(address: str, transport: str = "websocket", **config: Any) -> AsyncIterator[NodeClient]:
    """A client that has been told to connect."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(PROGRAM),
        json.dumps({"address": address, "transport": transport, **config}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    client = NodeClient(process)
    try:
        await client.do("connect")
        yield client
    finally:
        await client.close()
