"""Reconnect storm: all sockets are cut at once and come back together, each with its cursor.

Over the plain endpoint, and over the client connection, which may need 15 % more.
"""

import json
from collections.abc import Sequence
from typing import Any

from lab.bench.clients import Endpoint, Fleet, NotWhole, Reader
from lab.bench.lines import HUB, LESS, Line, at_most, at_most_times
from lab.bench.rows.hub_socket import PLAIN, by_socket
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub

SOCKETS, MISSED, SIZE = 2_000, 5, 100

CHANNEL = "everyone"

#: A cursor of a history that does not exist: the first frame of the answer tells where the client stands.
NOWHERE = "everyone@.0"


async def measure(bench: Bench) -> list[Line]:
    """Seconds from the first attempt to come back until the last socket has everything that it missed."""
    if HUB not in bench.systems:
        return []
    what = f"{SOCKETS:,} sockets come back at once, each gets {MISSED} missed publications"
    plain = Line("storm", what, "s", LESS, {HUB: []}, targets=(at_most(4),))
    by_hub_socket = Line("hub-socket", what, "s", LESS, {HUB: []}, targets=(at_most_times(1.15, PLAIN),))
    system = Hub()
    async with system.running():
        for _ in range(bench.runs):
            with bench.watch(system, plain):
                plain.values[HUB].append(await storm(system))
            by_hub_socket.values[HUB].append(await connect_and_recover(system))
    by_hub_socket.values[PLAIN] = plain.values[HUB]
    return [plain, by_hub_socket]


async def storm(system: Hub) -> float:
    """One storm. Raises ``NotWhole``, or ``TooFew`` where something did not come at all."""
    told, _ = await come(endpoints(system, [NOWHERE] * SOCKETS), frames=1)
    cursors = [first["cursor"] for (first,) in told]
    await system.publisher.ask("burst", count=MISSED, size=SIZE)
    told, took = await come(endpoints(system, cursors), frames=1 + MISSED)
    for cursor, (first, *items) in zip(cursors, told, strict=True):
        start = int(cursor.partition(",")[0].rpartition(".")[2])
        offsets = [item.get("offset") for item in items]
        if first.get("recovered") is not True or offsets != list(range(start + 1, start + 1 + MISSED)):
            raise NotWhole(f"from {cursor}: {first}, then offsets {offsets}")
    return took


async def connect_and_recover(system: Hub) -> float:
    """One storm, over the client connection. Raises ``NotWhole``; ``TooFew`` where something did not come at all."""
    told, _ = await come(by_socket(system, [{}] * SOCKETS), frames=1)
    before = [reply["connect"]["subs"][CHANNEL] for (reply,) in told]
    await system.publisher.ask("burst", count=MISSED, size=SIZE)
    positions = [
        {"subs": {CHANNEL: {"recover": True, "epoch": sub["epoch"], "offset": sub.get("offset", 0)}}} for sub in before
    ]
    told, took = await come(by_socket(system, positions), frames=1)
    for was, (reply,) in zip(before, told, strict=True):
        now = reply["connect"]["subs"][CHANNEL]
        start = was.get("offset", 0)
        offsets = [publication["offset"] for publication in now.get("publications", ())]
        if now.get("recovered") is not True or offsets != list(range(start + 1, start + 1 + MISSED)):
            raise NotWhole(f"from {was}: {now}")
    return took


def endpoints(system: Hub, cursors: Sequence[str]) -> list[Endpoint]:
    """How each person comes back at their cursor."""
    return [system.endpoint(person, f"/ws/notifications/?since={cursor}") for person, cursor in enumerate(cursors)]


async def come(endpoints: Sequence[Endpoint], frames: int) -> tuple[list[list[dict[str, Any]]], float]:
    """Come to all endpoints at once and get ``frames`` frames at each, then cut all.

    Returns the frames, and the seconds until the last of them. Raises ``TooFew`` where some did not come.
    """
    got: list[list[bytes]] = [[] for _ in endpoints]
    fleet = Fleet()

    def on_text(number: int, payload: bytes, at: int) -> None:
        got[number].append(payload)
        fleet.saw(1)

    began = fleet.now()
    try:
        await fleet.connect(endpoints, lambda fleet, number: Reader(fleet, number, on_text), parallel=len(endpoints))
        await fleet.all_of(frames * len(endpoints))
    finally:
        await fleet.close()
    took = (fleet.last_at - began) / 1e9
    return [[json.loads(payload) for payload in payloads] for payloads in got], took
