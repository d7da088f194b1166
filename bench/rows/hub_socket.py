"""The hub socket against the plain door, on the same web process: it may cost 15 % more, and no more."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench.clients import Door, Weigher
from bench.frames import client_frame
from bench.lines import HUB, LESS, MORE, Line, at_least_times, at_most_times
from bench.rows import burst, storm
from bench.run import Bench
from bench.systems.hub import Hub

PLAIN = "plain door"

PATH, CHANNEL = "/connection/websocket", "everyone"

#: In the answer to the first command.
CONNECTED = b'"connect"'

#: Each recovers what came after the position that it was given when it came first.
SOCKETS = storm.SOCKETS


async def measure(bench: Bench) -> list[Line]:
    """Deliveries per second of a burst, and seconds until all have come back with what they missed."""
    if HUB not in bench.systems:
        return []
    fan_out = Line(
        "hub-socket",
        f"{burst.PUBLICATIONS} publications to {burst.SOCKETS:,} sockets",
        "deliveries/s",
        MORE,
        {HUB: [], PLAIN: []},
        targets=(at_least_times(0.85, PLAIN),),
    )
    coming_back = Line(
        "hub-socket",
        f"{SOCKETS:,} sockets come back at once, each gets {storm.MISSED} missed publications",
        "s",
        LESS,
        {HUB: [], PLAIN: []},
        targets=(at_most_times(1.15, PLAIN),),
    )
    system = Hub()
    async with system.running():
        for kind, doors in (
            (PLAIN, system.doors(burst.SOCKETS)),
            (HUB, by_socket(system, [{}] * burst.SOCKETS, ready=CONNECTED)),
        ):
            async with system.fleet_at(doors, Weigher) as fleet:
                await burst.burst(system, fleet, 1)  # not counted
                fan_out.values[kind] = [
                    await burst.burst(system, fleet, burst.PUBLICATIONS) for _ in range(bench.runs)
                ]
        for _ in range(bench.runs):
            coming_back.values[PLAIN].append(await storm.storm(system))
            coming_back.values[HUB].append(await connect_and_recover(system))
    return [fan_out, coming_back]


def by_socket(system: Hub, connects: Sequence[Mapping[str, Any]], ready: bytes = b"") -> list[Door]:
    """How each person comes to the hub socket, with what they say in their first command.

    Without ``ready`` the answer to it is the first frame that a reader gets.
    """
    return [
        Door(
            system.port,
            PATH,
            headers=system.door(person).headers,
            hello=(client_frame(json.dumps({"id": 1, "connect": connect}).encode()),),
            ready=ready,
        )
        for person, connect in enumerate(connects)
    ]


async def connect_and_recover(system: Hub) -> float:
    """One storm, over the hub socket. Raises ``NotWhole``, or ``TooFew`` where something did not come at all."""
    told, _ = await storm.come(by_socket(system, [{}] * SOCKETS), frames=1)
    before = [reply["connect"]["subs"][CHANNEL] for (reply,) in told]
    await system.publisher.ask("burst", count=storm.MISSED, size=storm.SIZE)
    positions = [
        {"subs": {CHANNEL: {"recover": True, "epoch": sub["epoch"], "offset": sub.get("offset", 0)}}} for sub in before
    ]
    told, took = await storm.come(by_socket(system, positions), frames=1)
    for was, (reply,) in zip(before, told, strict=True):
        now = reply["connect"]["subs"][CHANNEL]
        start = was.get("offset", 0)
        offsets = [publication["offset"] for publication in now.get("publications", ())]
        if now.get("recovered") is not True or offsets != list(range(start + 1, start + 1 + storm.MISSED)):
            raise storm.NotWhole(f"from {was}: {now}")
    return took
