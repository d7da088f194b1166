"""What every system under measurement can do, and what they share."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import ClassVar

from hub.supervisor.redis_server import command, find_binary
from lab.bench import machine
from lab.bench.clients import Counter, Endpoint, Fleet, Socket, Weigher
from lab.bench.machine import CpuShare
from lab.bench.processes import Process, accepts, tail, until

#: Seconds of processor time in a fifth of a second that count as nothing, and how long to wait for that.
IDLE, SETTLE_TIMEOUT = 0.01, 20.0

SERVER, GENERATOR = machine.SERVER_CORE, machine.GENERATOR_CORE


class System(ABC):
    """A server that pushes messages to sockets, with a publisher in a process of its own.

    The server's processes (its Redis among them) run on the server's core, the publisher on the generator's.
    """

    #: As in the table and in ``--systems``.
    name: ClassVar[str]

    #: The sockets that count its messages.
    counter: ClassVar[type[Counter]] = Counter

    #: Whether it lets in so few a second that the row *connects* makes do with fewer: the rate is no better with all.
    lets_in_slowly: ClassVar[bool] = False

    #: Whether all sockets of a channel get the same bytes, so that one may count for all.
    same_bytes: ClassVar[bool] = True

    def __init__(self) -> None:
        self.folder = Path()
        #: Where clients come in.
        self.port = 0
        self.publisher: Process
        self._parts: list[Process] = []
        #: Undone in the opposite order when the system stops.
        self.cleanup = contextlib.AsyncExitStack()

    @classmethod
    def missing(cls) -> str:
        """What is not installed; empty where the system can run."""
        return ""

    @abstractmethod
    async def start(self) -> None:
        """Start the server and the publisher; returns when both can be used."""

    @abstractmethod
    def endpoints(self, count: int) -> list[Endpoint]:
        """How ``count`` clients come to the one channel that all share."""

    def fleet(self, count: int) -> AbstractAsyncContextManager[Fleet]:
        """``count`` sockets that are subscribed, for the length of a block."""
        return self.fleet_at(self.endpoints(count))

    def weighing_fleet(self, count: int) -> AbstractAsyncContextManager[Fleet]:
        """:meth:`fleet`, of which only the first counts and the others weigh where ``same_bytes`` allows it."""
        return self.fleet_at(self.endpoints(count), Weigher if self.same_bytes else self.counter)

    @contextlib.asynccontextmanager
    async def fleet_at(
        self, endpoints: Sequence[Endpoint], others: type[Socket] | None = None
    ) -> AsyncIterator[Fleet]:
        """A socket at each endpoint, for the length of a block. ``others``: the kind of all but the first."""
        fleet = Fleet()
        try:
            await fleet.connect(endpoints[:1], self.counter)
            await fleet.connect(endpoints[1:], others or self.counter)
            yield fleet
        finally:
            await fleet.close()

    def server_pids(self) -> list[int]:
        """The processes that serve sockets, and no others."""
        return [part.pid for part in self._parts]

    async def settle(self) -> None:
        """Wait until the server does nothing any more, :data:`SETTLE_TIMEOUT` seconds at most."""
        deadline = time.monotonic() + SETTLE_TIMEOUT
        share = CpuShare(server=1.0)
        while share.server > IDLE and time.monotonic() < deadline:
            with machine.watch_cpu(self.server_pids(), []) as share:
                await asyncio.sleep(0.1)

    def run(self, process: Process) -> Process:
        """Let ``process`` end with the system."""
        self.cleanup.callback(process.stop)
        return process

    def serve(self, process: Process) -> Process:
        """:meth:`run`, for a process that serves sockets."""
        self._parts.append(process)
        return self.run(process)

    async def start_publisher(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the publisher on the generator's core; returns when it is ready and the server lets clients in."""
        log = self.folder / "publisher.log"
        self.publisher = self.run(Process(command, core=GENERATOR, log=log, environment=environment, talks=True))
        await until(lambda: accepts("127.0.0.1", self.port), self._parts[0])
        await self.publisher.ask("ready")

    async def start_redis(self, *, persistent: bool = False) -> Path:
        """A private Redis beside the server; returns its socket, which answers."""
        socket = self.folder / "redis.sock"
        program = command(find_binary(), socket, self.folder, persistent=persistent)
        log = self.folder / "redis.log"
        redis = self.run(Process(program, core=SERVER, log=log, environment=os.environ))

        async def answers() -> bool:
            return b"PONG" in await ask_redis(socket, "PING")

        await until(answers, redis)
        return socket

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The system for the length of a block, in a temporary folder; nothing of it is left afterwards."""
        async with self.cleanup:
            self.folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
            self.cleanup.callback(shutil.rmtree, self.folder, ignore_errors=True)
            try:
                await self.start()
                yield
            except BaseException as error:
                for log in sorted(self.folder.glob("*.log")):
                    error.add_note(f"--- {self.name}, {log.name}\n" + tail(log))
                raise
        self._parts.clear()


async def ask_redis(socket: Path, text: str) -> bytes:
    """What the Redis at ``socket`` answers to one command, as it sends it; nothing while it does not listen."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return b""
    writer.write(f"{text}\r\nQUIT\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer
