"""Chat: many small rooms, everyone signed in, every message stored."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.bench.clients import Endpoint, Fleet, NotWhole, Reader
from lab.bench.figures import percentile
from lab.bench.lines import HUB, LESS, MORE, Line, Target, at_most
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub

ROOMS, MEMBERS = 200, 10
RATE, SECONDS = 250, 20.0

#: The search for the highest rate: where it begins, how long a try is, and what a rate must hold.
FIRST_RATE, TRY_SECONDS, LIMIT_MS = 500, 2.0, 250.0

#: Seconds after the last message in which all must have arrived, and in a try of the search: more than the limit.
TIMEOUT, TRY_TIMEOUT = 15.0, 3.0

TARGETS: dict[float, Target] = {0.5: at_most(15), 0.99: at_most(80)}


class OutOfOrder(NotWhole):
    """A member of a room saw its offsets with a gap, a repeat or out of order."""


@dataclass
class Hall:
    """All rooms with their members, who read everything. Counts and latencies are those since :meth:`begin`."""

    fleet: Fleet = field(default_factory=Fleet)
    latencies: list[float] = field(default_factory=list)
    received: int = 0
    errors: list[str] = field(default_factory=list)
    #: Offsets that are not those expected. They are kept here, because the event loop swallows what a socket raises.
    faults: list[str] = field(default_factory=list)
    _offsets: dict[int, int] = field(default_factory=dict)

    async def open(self, endpoints: Sequence[Endpoint]) -> None:
        """Everybody comes in."""
        await self.fleet.connect(endpoints, lambda fleet, number: Reader(fleet, number, self._on_text))

    def begin(self) -> None:
        """Count again."""
        self.latencies, self.received = [], 0

    def say(self, number: int) -> None:
        """The person of this number writes the time into the room."""
        socket = self.fleet.sockets[number]
        socket.send(b'{"message":"%d %d ' % (number, time.monotonic_ns()) + b"x" * 60 + b'"}')

    def _on_text(self, number: int, payload: bytes, at: int) -> None:
        frame = json.loads(payload)
        offset = frame.get("offset")
        if offset is None:  # somebody joined, or an error
            if frame["type"] == "error":
                self.errors.append(frame["message"])
            return
        if offset != self._offsets.get(number, offset - 1) + 1:
            self.faults.append(f"person {number} had {self._offsets[number]} and got {offset}")
        self._offsets[number] = offset
        self.received += 1
        author, sent, _ = frame["message"].split(" ", 2)
        if int(author) != number:
            self.latencies.append((at - int(sent)) / 1e6)


async def measure(bench: Bench) -> list[Line]:
    """Milliseconds from a member's send to the receipt at the others, and the highest rate that holds."""
    if HUB not in bench.systems:
        return []
    lines = {
        share: Line("chat", f"{RATE} stored messages/s in {ROOMS} rooms, p{share * 100:g}", "ms", LESS, {}, (target,))
        for share, target in TARGETS.items()
    }
    highest = Line("chat", f"highest rate with p99 < {LIMIT_MS:g} ms", "messages/s", MORE, {HUB: []})
    system, hall = Hub(), Hall()
    async with system.running():
        try:
            await hall.open(endpoints(system))
            await asyncio.sleep(1)  # the notices of who joined
            with bench.watch(system, lines[0.5]):
                parts = [await talk(hall, RATE, SECONDS / bench.runs) for _ in range(bench.runs)]
            highest.values[HUB] = [await highest_rate(hall)]
        finally:
            await hall.fleet.close()
    for share, line in lines.items():
        line.values[HUB] = [percentile(part, share) for part in parts]
    return [*lines.values(), highest]


def endpoints(system: Hub) -> list[Endpoint]:
    """Person 10 n to 10 n + 9 come into room n."""
    return [system.endpoint(person, f"/ws/chat/room{person // MEMBERS}/") for person in range(ROOMS * MEMBERS)]


async def talk(hall: Hall, rate: float, seconds: float, grace: float = TIMEOUT) -> list[float]:
    """Write at ``rate`` for ``seconds``, whether or not answers come; returns the latencies.

    Raises:
        OutOfOrder: somebody saw offsets that do not follow each other.
        NotWhole: not everything arrived within ``grace`` seconds after the end, or the server answered an error.
    """
    hall.begin()
    count, began = int(rate * seconds), time.monotonic()
    for number in range(count):
        late = time.monotonic() - began - number / rate
        if late < 0:
            await asyncio.sleep(-late)
        hall.say(random.randrange(len(hall.fleet.sockets)))
    expected, deadline = count * MEMBERS, time.monotonic() + grace
    while hall.received < expected and not hall.faults and not hall.errors and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    if hall.faults:
        raise OutOfOrder(f"{len(hall.faults)} times, first: {hall.faults[0]}")
    if hall.received != expected or hall.errors:
        raise NotWhole(
            f"{hall.received} of {expected} arrived; {hall.fleet.lost} of {len(hall.fleet.sockets)} sockets were "
            f"closed; errors: {hall.errors[:5] or 'none'}"
        )
    return hall.latencies


async def highest_rate(hall: Hall) -> float:
    """Double the rate until it does not hold, then halve the distance until the next would be below the first rate.

    A rate at which something is lost or refused does not hold. Raises ``OutOfOrder``, which no rate excuses.
    """
    holds, rate, step = 0.0, float(FIRST_RATE), 0.0
    for _ in range(20):
        try:
            found = await talk(hall, rate, TRY_SECONDS, TRY_TIMEOUT)
        except OutOfOrder:
            raise
        except NotWhole:
            break  # what is still under way would count in the next try
        if percentile(found, 0.99) < LIMIT_MS:
            holds = rate
            step, rate = (step / 2, rate + step / 2) if step else (0.0, rate * 2)
        else:
            step = step / 2 if step else rate / 2
            rate -= step
        if step and step < FIRST_RATE:
            break
    return holds
