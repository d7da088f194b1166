"""Clients that behave as real ones: they come back after a pause with jitter, with their cursor, and drop repeats."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import websockets
from websockets.asyncio.client import ClientConnection

from chaos.ledger import Ledger
from chaos.people import People, Person
from chaos.screen import Screen

#: Seconds before the first attempt to come back, and at most; each pause is by chance up to that.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 8.0

#: Seconds that a handshake may take.
OPEN_TIMEOUT = 10.0

#: How many of a hundred clients are in chat rooms; the others wait for alerts.
IN_ROOMS = 40

#: Of those who wait for alerts, and of those in rooms, every so many is a guest.
GUEST_EVERY = 5

#: Close codes after which a client must not come back by itself.
TERMINAL = range(4400, 4500)

SYSTEM = "System"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client connects, and as whom; a guest is nobody."""

    path: str
    person: Person | None = None
    by_token: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What says who it is."""
        if self.person is None:
            return {}
        if self.by_token:
            return {"Authorization": f"Bearer {self.person.token}"}
        return {"Cookie": f"sessionid={self.person.session}"}


class Client:
    """One client for the length of a run. ``live`` says whether it is connected and knows where it stands."""

    def __init__(self, name: str, place: Place, urls: Sequence[str], ledger: Ledger, chance: random.Random) -> None:
        self.name = name
        self.place = place
        self.screen = Screen()
        self.live = False
        #: How often it was let in, why it was not, the codes with which its connections ended, the notices it read.
        self.entered = 0
        self.failed: Counter[str] = Counter()
        self.closed: Counter[int] = Counter()
        self.notices: list[str] = []
        self._urls = urls
        self._ledger = ledger
        self._chance = chance
        self._connection: ClientConnection | None = None
        self._failures = 0
        self._said: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, and come back for as long as it is not stopped."""
        self._task = asyncio.get_running_loop().create_task(self._stay())

    async def stop(self) -> None:
        """Leave for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def cut(self) -> None:
        """End the connection without a word, as a network that breaks does."""
        if self._connection is not None:
            self._connection.transport.abort()

    async def say(self, number: int) -> None:
        """Write the publication of this number into the room. It is acknowledged when it comes back."""
        if self._connection is not None:
            self._said.add(number)
            with contextlib.suppress(websockets.ConnectionClosed):
                await self._connection.send(json.dumps({"message": self._ledger.text(number)}))

    async def _stay(self) -> None:
        while not self.screen.refused:
            try:
                await self._visit()
            except websockets.ConnectionClosed:
                pass  # it is noted with its code
            except websockets.InvalidStatus as refused:
                self.failed[f"HTTP {refused.response.status_code}"] += 1
            except (OSError, TimeoutError, websockets.WebSocketException) as error:
                self.failed[type(error).__name__] += 1
            longest = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
            self._failures += 1
            await asyncio.sleep(longest * self._chance.random())

    async def _visit(self) -> None:
        base = self._chance.choice(self._urls)
        url = f"{base}{self.place.path}?since={quote(self.screen.cursor, safe='')}"
        origin: Any = f"http://{urlsplit(base).netloc}"
        async with websockets.connect(
            url,
            additional_headers=self.place.headers,
            origin=origin,
            compression=None,
            proxy=None,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=1,
            ping_interval=None,
        ) as connection:
            self._connection = connection
            try:
                async for text in connection:
                    self._take(json.loads(text))
            finally:
                self._connection, self.live = None, False
                if connection.close_code is not None:  # else it is this client that leaves
                    self._note_close(connection.close_code)

    def _note_close(self, code: int) -> None:
        self.closed[code] += 1
        if code in TERMINAL:
            self.screen.refused.append(f"with {code}")

    def _take(self, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind == "resumed":
            self.screen.resumed(frame)
            self.live, self._failures = True, 0
            self.entered += 1
        elif frame.get("offset"):
            self._take_item(frame)
        elif frame.get("username") == SYSTEM:
            self.notices.append(frame["message"])

    def _take_item(self, frame: dict[str, Any]) -> None:
        number = self._ledger.number_in(frame["message"])
        if self.screen.take(frame, number) and number is not None:
            self._ledger.show(number)
            if number in self._said:
                self._ledger.acknowledge(number)


class Crowd:
    """All clients of a run."""

    def __init__(self, people: People, urls: Sequence[str], ledger: Ledger, chance: random.Random) -> None:
        self.clients: list[Client] = []
        self._people = people
        self._urls = urls
        self._ledger = ledger
        self._chance = chance

    def __iter__(self) -> Iterator[Client]:
        return iter(self.clients)

    def __len__(self) -> int:
        return len(self.clients)

    @property
    def writers(self) -> list[Client]:
        """Those who can write in a room now."""
        return [client for client in self if client.live and client.place.person and "/chat/" in client.place.path]

    @property
    def listeners(self) -> list[Client]:
        """Those who wait for alerts."""
        return [client for client in self if "/notifications/" in client.place.path]

    async def enter(self, count: int, *, within: float = 60.0, only_alerts: bool = False) -> list[Client]:
        """Let ``count`` more come in; returns them when all are live. ``TimeoutError`` where that takes too long."""
        first = len(self.clients)
        new = [self._client(first + number, only_alerts=only_alerts) for number in range(count)]
        self.clients += new
        for client in new:
            client.start()
        await self.until_all(lambda client: client.live, within=within)
        return new

    async def until_all(self, holds: Callable[[Client], bool], *, within: float) -> float:
        """Wait until something holds for every client; returns the seconds. ``TimeoutError`` after ``within``."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.timeout(within):
            while not all(map(holds, self.clients)):
                await asyncio.sleep(0.02)
        return loop.time() - began

    async def leave(self) -> None:
        """End all."""
        await asyncio.gather(*(client.stop() for client in self.clients))

    def _client(self, number: int, *, only_alerts: bool) -> Client:
        place = self._alerts(number) if only_alerts or number % 100 >= IN_ROOMS else self._room(number)
        return Client(f"client {number}", place, self._urls, self._ledger, self._chance)

    def _alerts(self, number: int) -> Place:
        return Place("/ws/notifications/", self._person(number), by_token=number % 2 == 0)

    def _room(self, number: int) -> Place:
        rooms = self._people.rooms
        return Place(f"/ws/chat/{rooms[number % len(rooms)]}/", self._person(number), by_token=number % 2 == 0)

    def _person(self, number: int) -> Person | None:
        people = self._people.people
        return None if number % GUEST_EVERY == GUEST_EVERY - 1 else people[number % len(people)]
