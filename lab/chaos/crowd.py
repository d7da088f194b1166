"""All clients of a run: on the simple endpoints, on the client connection and on event streams."""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence

from lab.chaos.client import Client, Place, SocketClient, http_for_streams
from lab.chaos.event_client import EventClient
from lab.chaos.hub_client import HubClient
from lab.chaos.ledger import Ledger
from lab.chaos.people import People, Person
from lab.chaos.plain_client import PlainClient

#: How many of a hundred clients are in chat rooms; the others wait for alerts.
IN_ROOMS = 40

#: Every so many is a guest, or on the client connection, or, of the others, on an event stream.
GUEST_EVERY, HUB_EVERY, EVENTS_EVERY = 5, 3, 10


class Crowd:
    """The clients, and how they come and go."""

    def __init__(self, people: People, urls: Sequence[str], ledger: Ledger, chance: random.Random) -> None:
        self.clients: list[Client] = []
        self._people = people
        self._urls = urls
        self._ledger = ledger
        self._chance = chance
        # One for all event streams: to make one takes longer than to connect.
        self._http = http_for_streams()

    def __iter__(self) -> Iterator[Client]:
        return iter(self.clients)

    def __len__(self) -> int:
        return len(self.clients)

    @property
    def writers(self) -> list[SocketClient]:
        """Those who can write in a room now."""
        return [client for client in self if isinstance(client, SocketClient) and client.can_write]

    @property
    def listeners(self) -> list[Client]:
        """Those who are to show what is sent to everyone."""
        return [client for client in self if client.hears_alerts]

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
        await self._http.aclose()

    def _client(self, number: int, *, only_alerts: bool) -> Client:
        name, who, rooms = f"client {number}", self._person(number), self._people.rooms
        if number % HUB_EVERY and number % EVENTS_EVERY == 1:
            return EventClient(
                name, Place(who, by_token=number % 2 == 0), self._urls, self._ledger, self._chance, self._http
            )
        in_room = not only_alerts and number % 100 < IN_ROOMS
        place = Place(who, rooms[number % len(rooms)] if in_room else "", by_token=number % 2 == 0)
        kind = PlainClient if number % HUB_EVERY else HubClient
        return kind(name, place, self._urls, self._ledger, self._chance)

    def _person(self, number: int) -> Person | None:
        people = self._people.people
        return None if number % GUEST_EVERY == GUEST_EVERY - 1 else people[number % len(people)]
