"""Reconnect storm: all sockets are cut at once and come back together, each with its cursor."""

import json
from collections.abc import Sequence
from typing import Any

from bench.clients import Door, Fleet, Reader
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
    told, _ = await come(doors(system, [NOWHERE] * SOCKETS), frames=1)
    cursors = [first["cursor"] for (first,) in told]
    await system.publisher.ask("burst", count=MISSED, size=SIZE)
    told, took = await come(doors(system, cursors), frames=1 + MISSED)
    for cursor, (first, *items) in zip(cursors, told, strict=True):
        start = int(cursor.partition(",")[0].rpartition(".")[2])
        offsets = [item.get("offset") for item in items]
        if first.get("recovered") is not True or offsets != list(range(start + 1, start + 1 + MISSED)):
            raise NotWhole(f"from {cursor}: {first}, then offsets {offsets}")
    return took


def doors(system: Hub, cursors: Sequence[str]) -> list[Door]:
    """How each person comes back at their cursor."""
    return [system.door(person, f"/ws/notifications/?since={cursor}") for person, cursor in enumerate(cursors)]


async def come(doors: Sequence[Door], frames: int) -> tuple[list[list[dict[str, Any]]], float]:
    """Come to all doors at once and get ``frames`` frames at each, then cut all.

    Returns the frames, and the seconds until the last of them. Raises ``TooFew`` where some did not come.
    """
    got: list[list[bytes]] = [[] for _ in doors]
    fleet = Fleet()

    def on_text(number: int, payload: bytes, at: int) -> None:
        got[number].append(payload)
        fleet.saw(1)

    began = fleet.now()
    try:
        await fleet.connect(doors, lambda fleet, number: Reader(fleet, number, on_text), parallel=len(doors))
        await fleet.all_of(frames * len(doors))
    finally:
        await fleet.close()
    took = (fleet.last_at - began) / 1e9
    return [[json.loads(payload) for payload in payloads] for payloads in got], took
