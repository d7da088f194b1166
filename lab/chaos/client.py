"""What all clients of a run have in common: they come back after a pause with jitter, and drop what they have."""

import abc
import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import httpx
import websockets
from websockets.asyncio.client import ClientConnection, connect

from lab.chaos.client_state import ClientState, Position
from lab.chaos.ledger import Ledger
from lab.chaos.people import Person
from lab.harness.environment import SESSION_COOKIE

#: Seconds before the first attempt to come back, and at most; each pause is by chance up to that.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 8.0

#: Seconds that a handshake may take.
OPEN_TIMEOUT = 10.0

#: The type of a publication that is an alert.
CREATED = "notifications.notification_created"

#: Code of a connection that ended without one.
LOST = 1006


def http_for_streams() -> httpx.AsyncClient:
    """A client of any number of event streams at once, which may be silent; whoever makes it closes it."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(OPEN_TIMEOUT, read=None),
        trust_env=False,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """As whom a client connects (a guest: as nobody), and in which chat room it is (else it waits for alerts)."""

    person: Person | None = None
    room: str = ""
    by_token: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What says who it is."""
        if self.person is None:
            return {}
        if self.by_token:
            return {"Authorization": f"Bearer {self.person.token}"}
        return {"Cookie": f"{SESSION_COOKIE}={self.person.session}"}


class NotLetIn(Exception):
    """The hub answered, but not with a connection: try again later."""


class Client(abc.ABC):
    """One client for the length of a run. ``live`` says whether it is connected and knows where it stands."""

    #: Close codes after which it must not come back by itself.
    final: ClassVar[frozenset[int]]

    def __init__(self, name: str, place: Place, urls: Sequence[str], ledger: Ledger, chance: random.Random) -> None:
        self.name = name
        self.place = place
        self.client_state = ClientState()
        self.live = False
        #: How often it was let in, why it was not, the codes with which its connections ended, the notices it read.
        self.entered = 0
        self.failed: Counter[str] = Counter()
        self.closed: Counter[int] = Counter()
        self.notices: list[str] = []
        #: The ids of alerts that it has shown to its person and that were not seen to be read.
        self.alerts: list[int] = []
        self.ledger = ledger
        self.chance = chance
        self._urls = urls
        self._failures = 0
        self._said: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def hears_alerts(self) -> bool:
        """Whether it is to show what is sent to everyone, and to its person."""
        return True

    def start(self) -> None:
        """Connect, and come back for as long as it is not stopped."""
        self._task = asyncio.get_running_loop().create_task(self._stay())

    async def stop(self) -> None:
        """Leave for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    @abc.abstractmethod
    def cut(self) -> None:
        """End the connection without a word, as a network that breaks does."""

    @abc.abstractmethod
    async def visit(self, base: str) -> None:
        """One connection to ``ws://…`` from its beginning to its end, however it ends."""

    def let_in(self) -> None:
        """The hub has said where the client stands."""
        self.live, self._failures = True, 0
        self.entered += 1

    def take(
        self, channel: str, position: Position, text: str, *, alert: int | None = None, may_skip: bool = False
    ) -> None:
        """Take an item, and show it unless it is a repeat.

        Args:
            alert: its id, where it is one.
            may_skip: see :meth:`lab.chaos.client_state.ClientState.take`.
        """
        number = self.ledger.number_in(text)
        if self.client_state.take(channel, position, number, may_skip=may_skip) and number is not None:
            self.ledger.show(number)
            if alert is not None:
                self.alerts.append(alert)
            if number in self._said:
                self.ledger.acknowledge(number)

    def note_end(self, code: int) -> None:
        """The connection ended with this code."""
        self.closed[code] += 1
        if code in self.final:
            self.client_state.refused.append(f"with {code}")

    async def _stay(self) -> None:
        while not self.client_state.refused:
            try:
                await self.visit(self.chance.choice(self._urls))
            except websockets.ConnectionClosed:
                pass  # it is noted with its code
            except websockets.InvalidStatus as refused:
                self.failed[f"HTTP {refused.response.status_code}"] += 1
            except NotLetIn as refused:
                self.failed[str(refused)] += 1
            except (OSError, TimeoutError, websockets.WebSocketException, httpx.HTTPError) as error:
                self.failed[type(error).__name__] += 1
            except Exception as error:
                self.client_state.disorder.append(f"what it got makes no sense: {error!r}")
                raise
            finally:
                self.live = False
            longest = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
            self._failures += 1
            await asyncio.sleep(longest * self.chance.random())


class SocketClient(Client):
    """A client on a WebSocket."""

    _connection: ClientConnection | None = None

    def cut(self) -> None:
        if self._connection is not None:
            self._connection.transport.abort()

    @property
    def can_write(self) -> bool:
        """Whether it can write in its room now."""
        return self.live and self.place.person is not None and bool(self.place.room)

    async def say(self, number: int) -> None:
        """Write the publication of this number into the room. It is acknowledged when the hub says that it is stored,
        or when it comes back."""
        self._said.add(number)
        await self.write(number)

    @abc.abstractmethod
    async def write(self, number: int) -> None:
        """Send the publication of this number."""

    async def send(self, text: str) -> None:
        """Send a frame, if there is a connection; whoever does not get it will not answer."""
        if self._connection is not None:
            with contextlib.suppress(websockets.ConnectionClosed):
                await self._connection.send(text)

    async def visit(self, base: str) -> None:
        async with connect(
            self.address(base),
            additional_headers=self.headers,
            origin=websockets.Origin(base.replace("ws", "http", 1)),
            compression=None,
            proxy=None,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=1,
            ping_interval=None,
            max_size=None,
        ) as connection:
            self._connection = connection
            try:
                await self.talk(connection)
            finally:
                self._connection, self.live = None, False
                if connection.close_code is not None:  # else it is this client that leaves
                    self.note_end(connection.close_code)

    @property
    def headers(self) -> dict[str, str]:
        """Those of its handshake."""
        return self.place.headers

    @abc.abstractmethod
    def address(self, base: str) -> str:
        """The URL of the next connection."""

    @abc.abstractmethod
    async def talk(self, connection: ClientConnection) -> None:
        """Take what comes, until the connection ends."""
