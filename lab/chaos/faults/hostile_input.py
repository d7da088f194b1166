"""Ten thousand malformed frames, events on the layer that nobody knows, and names that are made to hurt.

No traceback in any log, no other socket is touched.
"""

import asyncio
import contextlib
import json
import random
from urllib.parse import quote

import websockets

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault, times
from lab.chaos.parts import Hub
from lab.chaos.threads import in_thread

FRAMES, SENDERS, LAYER_EVENTS = 10_000, 20, 500

#: Frames on one connection before the next one is opened, so that the bound of a socket does not spare the rest.
FRAMES_EACH = 40

_ROOM_NAMES = (
    "../../etc/passwd", "%00", "a\x00b", "room:1", "room*", "ro om", "{}", "a" * 5000, "\ud7ff\ue000", "é\u0301\u0301",
    "\u202egnp", "';drop table hub_stream;--", "<script>", "user:1", "everyone", "\u2028", "🎉" * 40, ".", "-" * 64,
)  # fmt: skip  # one in a line says no more

_FRAMES = (
    "", "null", "[]", "7", '"x"', "{", '{"message":', '{"message": NaN}', '{"message": 1e999}', '{"message": {}}',
    '{"message": ""}', '{"message": "\\ud800"}', '{"message": "\\u0000"}', '{"type": "chat.message_posted"}',
    '{"id": 1, "subscribe": {"channel": "everyone"}}', "[" * 20_000, '{"a":' * 5_000, "x" * 60_000, b"", b"\xff\xfe",
    b"\x00" * 1000, json.dumps({"message": "x" * 4001}),
)  # fmt: skip  # one in a line says no more

_UNKNOWN_EVENTS = """
import asyncio, random
from channels.layers import get_channel_layer
from hub.channels.namespace import group_name
from asgiref.sync import async_to_sync

chance = random.Random(seed)
events = [
    {}, {"type": "no.such.handler"}, {"type": "hub.publication"}, {"type": 7}, {"type": None}, {"type": "_private"},
    {"type": "hub.publication", "channel": "everyone", "offset": "x", "epoch": 0, "data": "{}"},
    {"type": "hub.publication", "channel": 7, "offset": -1, "epoch": "", "data": b"x"},
    {"type": "hub.publication", "channel": "everyone", "offset": 0, "epoch": "", "data": "{"},
    {"type": "websocket.disconnect"}, {"nested": {"deep": [1] * 1000}}, {"type": "x" * 10000},
]

async def send():
    layer = get_channel_layer()
    for _ in range(number):
        await layer.group_send(group_name("everyone"), chance.choice(events))

async_to_sync(send)()
"""


class HostileInput(Fault):
    """Somebody sends what makes no sense."""

    name = "hostile-input"
    seconds = 20.0
    sizes = (0.05, 0.15)

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub = experiment.hub
        before = tracebacks(hub)
        entered = {client: client.entered for client in experiment.crowd}
        each, seeds = times(FRAMES // SENDERS, size), [experiment.chance.getrandbits(32) for _ in range(SENDERS)]
        sent = await asyncio.gather(*(_send_frames(experiment, each, seed) for seed in seeds))
        experiment.notes.append(f"{sum(sent)} malformed frames sent")
        await _knock(experiment)
        with contextlib.suppress(AssertionError):  # no Redis at this moment
            await in_thread(
                hub.tasks.run,
                _UNKNOWN_EVENTS,
                number=times(LAYER_EVENTS, size),
                seed=experiment.chance.getrandbits(32),
            )
        await experiment.everybody_receives(within=5)
        touched = [client.name for client in experiment.crowd if client.entered != entered[client]]
        experiment.must(not touched, f"{len(touched)} other sockets were touched")
        found = tracebacks(hub) - before
        experiment.must(found == 0, f"{found} tracebacks in the logs of the web processes")


async def _send_frames(experiment: Experiment, number: int, seed: int) -> int:
    """Send ``number`` frames, over as many connections as that takes; returns how many left."""
    chance = random.Random(seed)
    people = experiment.people
    paths = ["/ws/notifications/", "/ws/online/", f"/ws/chat/{people.rooms[0]}/"]
    sent = 0
    while sent < number:
        headers = {"Authorization": f"Bearer {chance.choice(people.people).token}"} if chance.random() < 0.5 else {}
        with contextlib.suppress(websockets.WebSocketException, OSError, TimeoutError):
            async with websockets.connect(
                experiment.hub.ws_urls[0] + chance.choice(paths),
                additional_headers=headers,
                compression=None,
                proxy=None,
                close_timeout=1,
            ) as connection:
                for _ in range(min(FRAMES_EACH, number - sent)):
                    sent += 1
                    await connection.send(_mangled(chance.choice(_FRAMES), chance))
        await asyncio.sleep(0)
    return sent


def _mangled(frame: str | bytes, chance: random.Random) -> str | bytes:
    """The frame as it is, or cut, so that no two runs send the same."""
    return frame if chance.random() < 0.5 else frame[: chance.randrange(len(frame) + 1)]


async def _knock(experiment: Experiment) -> None:
    """Ask for rooms that cannot be, and with positions that nobody gave."""
    for name in _ROOM_NAMES:
        encoded = quote(name, safe="", errors="replace")
        for path in (f"/ws/chat/{encoded}/", f"/ws/notifications/?since={encoded[:6000]}"):
            with contextlib.suppress(websockets.WebSocketException, OSError, TimeoutError):
                async with websockets.connect(
                    experiment.hub.ws_urls[0] + path, compression=None, proxy=None, close_timeout=1
                ) as connection:
                    await connection.recv()


def tracebacks(hub: Hub) -> int:
    """How many there are in the logs of the web processes."""
    return sum(web.output().count("Traceback (most recent call last)") for web in hub.webs)
