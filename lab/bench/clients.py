"""The load generator: thousands of sockets on one event loop, each as cheap as Python lets it be.

No kind does work per frame if it can help it. A socket that counts looks for marks in whatever the kernel hands over
(:data:`lab.bench.frames.MARK`). One that weighs adds up bytes: where all get the same frames, one counts for the
others. One that reads takes frames apart, for rows that look at what came.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from lab.bench.frames import CLOSE, MARK, PING, TEXT, Frames, client_frame, pong, upgrade

#: Handshakes under way at a time.
PARALLEL = 256

#: Sockets per client address: every address has 28,000 ports by default (``ip_local_port_range``).
PER_ADDRESS = 8_000

CONNECT_TIMEOUT = 60.0

#: Seconds until all sockets of a fleet are gone once they were cut.
CLOSE_TIMEOUT = 30.0

#: Seconds without a single receipt after which what is missing counts as lost.
QUIET = 30.0

#: Bytes that pings which were not recognised may add; no message is as short.
CONTROL_FRAMES = 32

_PING_HEAD, _NEXT_FRAME, _END_OF_JSON = 0x80 | PING, (0x80 | PING, 0x80 | TEXT), ord("}")
_MARK_FIRST, _MARK_LAST = MARK[0], MARK[-1]


class NotOpened(ConnectionError):
    """The server did not let a socket in, or let it go before it was subscribed."""


class TooFew(AssertionError):
    """Less arrived than was published, and nothing more came."""


class NotWhole(AssertionError):
    """A client did not get what it had to get, all of it and in order."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one client gets in.

    Args:
        headers: whole lines.
        hello: frames that the client sends after the handshake.
        ready: what the server has sent when the client is subscribed; the handshake's end where it is empty.
    """

    port: int
    path: str
    headers: tuple[str, ...] = ()
    hello: tuple[bytes, ...] = ()
    ready: bytes = b""
    host: str = "127.0.0.1"


@dataclass
class Fleet:
    """Sockets that are opened, counted and closed together."""

    sockets: list["Socket"] = field(default_factory=list)
    #: Marks seen so far, and when the last one was (``time.monotonic_ns``, the same clock in every process).
    received: int = 0
    last_at: int = 0
    #: The time of every mark, for rows that measure latency; None while nobody asks.
    stamps: list[int] | None = None
    #: Sockets that the server closed.
    lost: int = 0
    _goal: int = 0
    _reached: "asyncio.Future[None] | None" = None

    async def connect(
        self,
        endpoints: Sequence[Endpoint],
        make: "Callable[[Fleet, int], Socket] | None" = None,
        parallel: int = PARALLEL,
    ) -> float:
        """Open a socket to each endpoint, ``parallel`` at a time; returns the seconds until the last is subscribed.

        Raises:
            NotOpened: the first one that was not let in.
        """
        first, waiting = len(self.sockets), iter(enumerate(endpoints))
        self.sockets += [(make or Counter)(self, first + number) for number in range(len(endpoints))]

        async def open_some() -> None:
            for number, endpoint in waiting:
                await self.sockets[first + number].open(endpoint)

        began = time.perf_counter()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT), asyncio.TaskGroup() as group:
                for _ in range(min(parallel, len(endpoints))):
                    group.create_task(open_some())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the others say the same
        return time.perf_counter() - began

    async def until(self, goal: int, *, quiet: float = QUIET) -> bool:
        """Wait until ``goal`` marks have been seen; False if nothing came for ``quiet`` seconds."""
        self._goal, self._reached = goal, asyncio.get_running_loop().create_future()
        while self.received < goal:
            before = self.received
            await asyncio.wait([self._reached], timeout=quiet)
            if self.received == before:
                break
        self._reached = None
        return self.received >= goal

    async def all_weigh_like_the_first(self, marks: int) -> None:
        """Wait until the first socket has seen ``marks`` and every other one has as many bytes, give or take a ping.

        Raises:
            TooFew: that was not so for :data:`QUIET` seconds; or a socket had more.
        """
        await self.all_of(marks)
        first, before = self.sockets[0].weight, -1
        while (least := min(socket.weight for socket in self.sockets)) < first - CONTROL_FRAMES:
            if self.last_at == before:
                raise TooFew(f"A socket has {least} bytes, the first has {first}; {self.lost} sockets were closed")
            before, deadline = self.last_at, time.monotonic() + QUIET
            while self.last_at == before and time.monotonic() < deadline:
                await asyncio.sleep(0.002)
        most = max(socket.weight for socket in self.sockets)
        if most > first + CONTROL_FRAMES:
            raise TooFew(f"A socket has {most} bytes, the first has {first}")

    async def all_of(self, goal: int, *, quiet: float = QUIET) -> None:
        """:meth:`until`, or raise ``TooFew``."""
        if not await self.until(goal, quiet=quiet):
            raise TooFew(f"{self.received} of {goal} arrived; {self.lost} of {len(self.sockets)} sockets were closed")

    @staticmethod
    def now() -> int:
        """The clock of :attr:`last_at`."""
        return time.monotonic_ns()

    def saw(self, marks: int) -> None:
        """Count ``marks``; for the sockets."""
        self.received += marks
        self.last_at = now = time.monotonic_ns()
        if self.stamps is not None:
            self.stamps.extend([now] * marks)
        if self._reached is not None and self.received >= self._goal and not self._reached.done():
            self._reached.set_result(None)

    async def close(self) -> None:
        """Cut all sockets; returns when they are gone. One that was still connecting may never hear that it is."""
        for socket in self.sockets:
            socket.cut()
        deadline = time.monotonic() + CLOSE_TIMEOUT
        while any(socket.transport is not None for socket in self.sockets) and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        self.sockets.clear()


class Socket(asyncio.Protocol):
    """The base: opens the socket and gives ``take`` what comes after the handshake. ``weight`` is for weighing."""

    __slots__ = ("_cut", "_endpoint", "_head", "_subscribed", "_upgraded", "fleet", "number", "transport", "weight")

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.fleet = fleet
        self.number = number
        self.weight = 0
        self.transport: asyncio.Transport | None = None
        self._head = b""
        self._upgraded = self._cut = False
        self._subscribed: asyncio.Future[None] | None = None

    async def open(self, endpoint: Endpoint) -> None:
        """Returns when the client is subscribed. Raises ``NotOpened``."""
        loop = asyncio.get_running_loop()
        self._endpoint, self._subscribed = endpoint, loop.create_future()
        self._head, self._upgraded, self._cut = b"", False, False
        address = f"127.0.0.{1 + self.number // PER_ADDRESS}" if endpoint.host == "127.0.0.1" else None
        await loop.create_connection(
            lambda: self,
            endpoint.host,
            endpoint.port,
            local_addr=(address, 0) if address and address[-1] != "1" else None,
        )
        await self._subscribed
        self._subscribed = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour, not by class
        self.transport.write(
            upgrade(f"{self._endpoint.host}:{self._endpoint.port}", self._endpoint.path, self._endpoint.headers)
        )

    def data_received(self, data: bytes) -> None:
        if self._subscribed is None or self._subscribed.done():
            self.take(data)
        else:
            self._open_further(data, self._subscribed)

    def _open_further(self, data: bytes, subscribed: "asyncio.Future[None]") -> None:
        self._head += data
        if not self._upgraded:
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                subscribed.set_exception(NotOpened(head.partition(b"\r\n")[0].decode("latin-1")))
                return
            self._upgraded, self._head = True, rest
            for payload in self._endpoint.hello:
                self.write(payload)
        if self._endpoint.ready in self._head:
            subscribed.set_result(None)
            rest, self._head = self._head if not self._endpoint.ready else b"", b""
            if rest:
                self.take(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._subscribed is not None and not self._subscribed.done():
            self._subscribed.set_exception(NotOpened("closed before it was subscribed"))
        self.fleet.lost += not self._cut
        self.transport = None

    def send(self, text: bytes) -> None:
        """Send a text frame; nothing when the socket is closed."""
        self.write(client_frame(text))

    def write(self, frame: bytes) -> None:
        """Send a whole frame; nothing when the socket is closed."""
        if self.transport is not None:
            self.transport.write(frame)

    def cut(self) -> None:
        """End the connection without a word, as a network that breaks does."""
        self._cut = True
        if self.transport is not None:
            self.transport.abort()

    def without_pings(self, data: bytes) -> bytes:
        """Answer the pings in ``data`` and return the rest. Wants JSON in the other frames; a cut ping is overlooked.

        Frames are not taken apart for that. The byte that a ping begins with is not in JSON as it is sent here; it
        may be in the length of a frame, but that neither follows a ``}`` nor fits in length before the next frame.
        """
        at = data.find(_PING_HEAD)
        while at >= 0:
            end = at + 2 + (data[at + 1] if at + 1 < len(data) else len(data))
            begins = at == 0 or data[at - 1] == _END_OF_JSON
            if begins and (end == len(data) or (end < len(data) and data[end] in _NEXT_FRAME)):
                self.write(pong(data[at + 2 : end]))
                data = data[:at] + data[end:]
            else:
                at += 1
            at = data.find(_PING_HEAD, at)
        return data

    def take(self, data: bytes) -> None:
        """Take what came after the handshake."""
        raise NotImplementedError


class Counter(Socket):
    """Counts marks, also one that two chunks share."""

    __slots__ = ("_half",)

    def __init__(self, fleet: Fleet, number: int) -> None:
        super().__init__(fleet, number)
        self._half = False

    def take(self, data: bytes) -> None:
        if _PING_HEAD in data and not (data := self.without_pings(data)):
            return
        self.weight += len(data)
        marks = data.count(MARK)
        if self._half and data[0] == _MARK_LAST:
            marks += 1
        self._half = data[-1] == _MARK_FIRST
        if marks:
            self.fleet.saw(marks)


class Weigher(Socket):
    """Adds up bytes, those of pings left out, and notes when the last came."""

    __slots__ = ()

    def take(self, data: bytes) -> None:
        if _PING_HEAD in data and not (data := self.without_pings(data)):
            return
        self.weight += len(data)
        self.fleet.last_at = time.monotonic_ns()


class Reader(Socket):
    """Takes frames apart and gives the text of each to ``on_text``, with when it was read (``monotonic_ns``)."""

    __slots__ = ("_frames", "on_text")

    def __init__(self, fleet: Fleet, number: int, on_text: Callable[[int, bytes, int], None]) -> None:
        super().__init__(fleet, number)
        self._frames = Frames()
        self.on_text = on_text

    def take(self, data: bytes) -> None:
        now = time.monotonic_ns()
        for opcode, payload in self._frames.feed(data):
            if opcode == TEXT:
                self.on_text(self.number, payload, now)
            elif opcode == PING:
                self.write(pong(payload))
            elif opcode == CLOSE and self.transport is not None:
                self.transport.close()
