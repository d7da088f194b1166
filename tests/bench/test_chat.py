import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from lab.bench import machine
from lab.bench.clients import Endpoint, NotWhole
from lab.bench.lines import HUB
from lab.bench.processes import Process
from lab.bench.rows import chat
from lab.bench.rows.chat import Hall, OutOfOrder, highest_rate, talk
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub
from lab.harness.waiting import await_for

MEMBERS = 3

#: Seconds for what does not come; what comes is given as long as the row gives it.
SOON = 0.3


class Room:
    """A room with a real WebSocket server. What it does with a message is for each test to say."""

    def __init__(self, answer: "Callable[[Room, str], None]") -> None:
        self.connections: list[ServerConnection] = []
        self.said = 0
        self.port = 0
        self._answer = answer

    async def __call__(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        with suppress(ConnectionClosed):  # the hall cuts its sockets
            async for text in connection:
                self.said += 1
                self._answer(self, json.loads(text)["message"])

    def tell(self, offset: int, message: str, *, but: int = 0) -> None:
        """Everybody but the last ``but`` members hears it."""
        frame = json.dumps({"type": "message", "offset": offset, "message": message})
        broadcast(self.connections[: MEMBERS - but], frame)

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint(self.port, "/")] * MEMBERS


def well(room: Room, message: str) -> None:
    """As it should be."""
    room.tell(room.said, message)


def with_a_gap(room: Room, message: str) -> None:
    """1, 3, 4 …"""
    room.tell(room.said + (room.said > 1), message)


def with_a_repeat(room: Room, message: str) -> None:
    """1, 1, 2 …"""
    room.tell(max(1, room.said - 1), message)


def backwards(room: Room, message: str) -> None:
    """100, 99, 98 …"""
    room.tell(100 - room.said, message)


def losing_the_first(room: Room, message: str) -> None:
    """Somebody misses what the others hear; their offsets begin later, and are in order."""
    room.tell(room.said, message, but=room.said == 1)


def refusing_the_first(room: Room, message: str) -> None:
    """Everybody hears everything, and somebody is told that it was too fast."""
    room.tell(room.said, message)
    if room.said == 1:
        broadcast(room.connections[:1], json.dumps({"type": "error", "message": "Too fast."}))


@pytest.fixture(autouse=True)
def one_small_room(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ROOMS": 1, "MEMBERS": MEMBERS, "SECONDS": 0.1, "TRY_SECONDS": 0.02}.items():
        monkeypatch.setattr(chat, name, value)


@asynccontextmanager
async def opened(answer: Callable[[Room, str], None]) -> AsyncIterator[Room]:
    room = Room(answer)
    async with serve(room, "127.0.0.1", 0, compression=None, ping_interval=None) as listening:
        room.port = next(iter(listening.sockets)).getsockname()[1]
        yield room


@asynccontextmanager
async def hall_of(answer: Callable[[Room, str], None]) -> AsyncIterator[Hall]:
    async with opened(answer) as room:
        hall = Hall()
        try:
            await hall.open(room.endpoints())
            await await_for(lambda: len(room.connections) == MEMBERS)
            yield hall
        finally:
            await hall.fleet.close()


async def test_a_message_has_a_latency_for_each_member_who_did_not_write_it() -> None:
    async with hall_of(well) as hall:
        for _ in range(2):
            found = await talk(hall, 100, 0.1)
            assert len(found) == 10 * (MEMBERS - 1) and min(found) > 0


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (with_a_gap, "had 1 and got 3"),
        (with_a_repeat, "had 1 and got 1"),
        (backwards, "had 99 and got 98"),
    ],
)
async def test_offsets_that_do_not_follow_each_other_are_an_error(
    answer: Callable[[Room, str], None], seen: str
) -> None:
    async with hall_of(answer) as hall:
        with pytest.raises(OutOfOrder, match=seen):
            await talk(hall, 100, 0.1)


async def test_a_lost_message_is_an_error() -> None:
    async with hall_of(losing_the_first) as hall:
        with pytest.raises(NotWhole, match=r"\d+ of 30 arrived; 0 of 3 sockets were closed; errors: none"):
            await talk(hall, 100, 0.1, SOON)


async def test_a_message_that_is_answered_with_an_error_is_an_error() -> None:
    async with hall_of(refusing_the_first) as hall:
        with pytest.raises(NotWhole, match=r"errors: \['Too fast.'\]"):
            await talk(hall, 100, 0.1)


async def test_a_rate_that_loses_something_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "TRY_TIMEOUT", SOON)
    async with hall_of(losing_the_first) as hall:
        assert await highest_rate(hall) == 0


async def test_no_rate_excuses_disorder() -> None:
    async with hall_of(with_a_gap) as hall:
        with pytest.raises(OutOfOrder):
            await highest_rate(hall)


@pytest.mark.slow
@pytest.mark.parametrize("answer", [losing_the_first, refusing_the_first, with_a_gap])
async def test_the_row_fails_when_one_part_of_it_is_not_whole(
    answer: Callable[[Room, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(answer) as room:

        class Rooms(Hub):
            """In place of a hub: the room, and a publisher that does nothing."""

            async def start(self) -> None:
                idle, log = [sys.executable, "-c", "import sys; sys.stdin.read()"], self.folder / "publisher.log"
                self.publisher = self.run(
                    Process(idle, core=machine.GENERATOR_CORE, log=log, environment=os.environ, talks=True)
                )

            def endpoint(self, person: int, path: str = "") -> Endpoint:
                return room.endpoints()[person]

        monkeypatch.setattr(chat, "Hub", Rooms)
        monkeypatch.setattr(chat, "TIMEOUT", SOON)
        with pytest.raises(NotWhole):
            await chat.measure(Bench(runs=3, systems=[HUB]))
