"""The client connection against the plain endpoint, on the same web process: it may cost 15 % more, and no more.

The storm of both is in :mod:`lab.bench.rows.storm`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lab.bench.clients import Endpoint, Weigher
from lab.bench.frames import BINARY, client_frame
from lab.bench.lines import HUB, MORE, Line, at_least_times
from lab.bench.rows import burst
from lab.bench.run import Bench
from lab.bench.systems.hub import Hub

PLAIN, JSON = "simple endpoint", "JSON"

PATH = "/connection/websocket"

#: In the answer to the first command.
CONNECTED = b'"connect"'

#: A ``Command`` with the id 1 and an empty ``connect``, after its length; and how the ``Reply`` to it begins.
PROTOBUF_CONNECT, PROTOBUF_CONNECTED = b"\x04\x08\x01\x22\x00", b"\x08\x01\x2a"


async def measure(bench: Bench) -> list[Line]:
    """Deliveries per second of a burst."""
    if HUB not in bench.systems:
        return []
    what = f"{burst.PUBLICATIONS} publications to {burst.SOCKETS:,} sockets"
    in_json = Line(
        "hub-socket", what, "deliveries/s", MORE, {HUB: [], PLAIN: []}, targets=(at_least_times(0.85, PLAIN),)
    )
    in_protobuf = Line(
        "hub-socket",
        f"{what}, in Protobuf",
        "deliveries/s",
        MORE,
        {HUB: [], JSON: []},
        targets=(at_least_times(1, JSON),),
    )
    system = Hub()
    async with system.running():
        in_json.values[PLAIN] = await _bursts(bench, system, system.endpoints(burst.SOCKETS))
        in_json.values[HUB] = await _bursts(bench, system, by_socket(system, [{}] * burst.SOCKETS, ready=CONNECTED))
        in_protobuf.values[HUB] = await _bursts(bench, system, by_protobuf(system, burst.SOCKETS))
    in_protobuf.values[JSON] = in_json.values[HUB]
    return [in_json, in_protobuf]


async def _bursts(bench: Bench, system: Hub, endpoints: Sequence[Endpoint]) -> list[float]:
    """What each run reaches, after a burst that is not counted."""
    async with system.fleet_at(endpoints, Weigher) as fleet:
        await burst.burst(system, fleet, 1)
        return [await burst.burst(system, fleet, burst.PUBLICATIONS) for _ in range(bench.runs)]


def by_socket(system: Hub, connects: Sequence[Mapping[str, Any]], ready: bytes = b"") -> list[Endpoint]:
    """How each person comes to the client connection, with what they say in their first command.

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


def by_protobuf(system: Hub, count: int) -> list[Endpoint]:
    """How so many people come to the client connection in the Protobuf form, without a word but ``connect``."""
    return [
        Endpoint(
            system.port,
            PATH,
            headers=(*system.endpoint(person).headers, "Sec-WebSocket-Protocol: centrifuge-protobuf"),
            hello=(client_frame(PROTOBUF_CONNECT, BINARY),),
            ready=PROTOBUF_CONNECTED,
        )
        for person in range(count)
    ]
