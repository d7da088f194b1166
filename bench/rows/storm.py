"""Reconnect storm: all sockets are cut at once and come back together, each with its cursor."""

import json
from collections.abc import Sequence
from typing import Any

from bench.clients import Fleet, Reader
from bench.lines import HUB, LESS, Line, at_most
from bench.run import Bench
from bench.systems.hub import Hub

SOCKETS, MISSED, SIZE = 2_000, 5, 100

#: A cursor of a history that does not exist: the first frame of the answer tells where the client stands.
NOWHERE = "everyone@.0"


class NotWhole(AssertionError):
    """A client came back and did not get what it missed, all of it and in order."""


async def measure(bench: Bench) -> list[Line]:
    """Seconds from the first attempt to come back until the last socket has everything that it missed."""
    if HUB not in bench.systems:
        return []
    line = Line(
        "storm",
        f"{SOCKETS:,} sockets come back at once, each gets {MISSED} missed publications",
        "s",
        LESS,
        {HUB: []},
        targets=(at_most(4),),
    )
    system = Hub()
    async with system.running():
        with bench.watch(system) as line.cpu[HUB]:
            for _ in range(bench.runs):
                line.values[HUB].append(await storm(system))
    return [line]


async def storm(system: Hub) -> float:
    """One storm. Raises ``NotWhole``, or ``TooFew`` where something did not come at all."""
    cursors = [first["cursor"] for (first,) in await resume(system, [NOWHERE] * SOCKETS, frames=1)]
    await system.publisher.ask("burst", count=MISSED, size=SIZE)
    took: list[float] = []
    for cursor, (first, *items) in zip(
        cursors, await resume(system, cursors, frames=1 + MISSED, took=took), strict=True
    ):
        start = int(cursor.partition(",")[0].rpartition(".")[2])
        offsets = [item.get("offset") for item in items]
        if first.get("recovered") is not True or offsets != list(range(start + 1, start + 1 + MISSED)):
            raise NotWhole(f"from {cursor}: {first}, then offsets {offsets}")
    return took[0]


async def resume(
    system: Hub, cursors: Sequence[str], frames: int, took: list[float] | None = None
) -> list[list[dict[str, Any]]]:
    """Come back at all cursors at once and get ``frames`` frames each, then cut all; ``took`` is given the seconds."""
    got: list[list[bytes]] = [[] for _ in cursors]
    fleet = Fleet()

    def on_text(number: int, payload: bytes, at: int) -> None:
        got[number].append(payload)
        fleet.saw(1)

    doors = [system.door(person, f"/ws/notifications/?since={cursor}") for person, cursor in enumerate(cursors)]
    began = fleet.now()
    try:
        await fleet.connect(doors, lambda fleet, number: Reader(fleet, number, on_text), parallel=len(doors))
        await fleet.all_of(frames * len(doors))
    finally:
        await fleet.close()
    if took is not None:
        took.append((fleet.last_at - began) / 1e9)
    return [[json.loads(payload) for payload in payloads] for payloads in got]
