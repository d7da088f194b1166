"""The hub socket against the plain endpoint, on the same web process: it may cost 15 % more, and no more.

The storm of both is in :mod:`lab.bench.rows.storm`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lab.bench.clients import Endpoint, Weigher
from lab.bench.frames import client_frame
from lab.bench.lines import HUB, MORE, Line, at_least_times
from lab.bench.rows import burst
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub

PLAIN = "plain door"

PATH = "/connection/websocket"

#: In the answer to the first command.
CONNECTED = b'"connect"'


async def measure(bench: Bench) -> list[Line]:
    """Deliveries per second of a burst."""
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
    system = Hub()
    async with system.running():
        for kind, endpoints in (
            (PLAIN, system.endpoints(burst.SOCKETS)),
            (HUB, by_socket(system, [{}] * burst.SOCKETS, ready=CONNECTED)),
        ):
            async with system.fleet_at(endpoints, Weigher) as fleet:
                await burst.burst(system, fleet, 1)  # not counted
                fan_out.values[kind] = [
                    await burst.burst(system, fleet, burst.PUBLICATIONS) for _ in range(bench.runs)
                ]
    return [fan_out]


def by_socket(system: Hub, connects: Sequence[Mapping[str, Any]], ready: bytes = b"") -> list[Endpoint]:
    """How each person comes to the hub socket, with what they say in their first command.

    Without ``ready`` the answer to it is the first frame that a reader gets.
    """
    return [
        Endpoint(
            system.port,
            PATH,
            headers=system.endpoint(person).headers,
            hello=(client_frame(json.dumps({"id": 1, "connect": connect}).encode()),),
            ready=ready,
        )
        for person, connect in enumerate(connects)
    ]
