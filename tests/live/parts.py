"""The parts of the running hub that a test wants to tell from each other."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.support.live import LiveHub
from tests.support.sockets import Frame

WEB = ("web-1", "web-2")

CREATE_ROOM = """
from chat.models import Room
print(Room.objects.get_or_create(name=name)[0].pk)
"""


def pid_of(hub: LiveHub, part: str) -> int | None:
    """The process number of a part, as the supervisor records it; None while it does not run."""
    record = json.loads((hub.folder / "run" / "parts.json").read_text())
    number: int | None = record["parts"].get(part, {}).get("group")
    return number


def web_urls(hub: LiveHub) -> list[str]:
    """An address (``ws://…``, no slash at its end) that reaches the first web process only, and one for the second.

    The web processes share the hub's port; each listens on one of its own besides, where the supervisor asks it.
    """
    return [f"ws://127.0.0.1:{own_port(pid, hub.port)}" for part in WEB if (pid := pid_of(hub, part))]


def own_port(pid: int, shared: int) -> int:
    """The TCP port that the process listens on, other than ``shared``."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        port = int(fields[1].rpartition(":")[2], 16)
        if fields[3] == "0A" and fields[9] in inodes and port != shared:  # listens
            return port
    raise AssertionError(f"Process {pid} listens on no port of its own")


def create_room(hub: LiveHub, name: str) -> int:
    """Make the room if it is missing; returns its number."""
    return int(hub.shell(CREATE_ROOM, name=name))


def crowding() -> float:
    """How much longer everything takes than on an idle machine, because more wants to run than it has processors.

    The average of a minute is late to say so when others have just begun, so what wants to run now counts as well.
    """
    wanting = os.getloadavg()[0]
    with suppress(FileNotFoundError):  # only Linux has it
        wanting = max(wanting, int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0]))
    return max(1.0, wanting / (os.cpu_count() or 1))


def says(text: str) -> Callable[[Frame], bool]:
    """For ``receive_until``: whether the frame has this message."""
    return lambda frame: frame.get("message") == text


def tracebacks(hub: LiveHub) -> dict[str, int]:
    """How many tracebacks the log of each web process has."""
    return {part: hub.logs(part).count("Traceback") for part in WEB}
