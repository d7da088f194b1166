"""Some seconds of everything that is forbidden: nobody else notices, and the server is as well as before."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from lab.chaos.probes import percentile
from lab.harness.environment import BASE_DIR, ending_with_us, free_port
from lab.harness.waiting import wait_for
from tests.hub.test_server import data_folder, is_live, running
from tests.support.sockets import SocketClient, connect
from tests.support.stopwatch import delayed

__all__ = ["data_folder"]

pytestmark = pytest.mark.xdist_group("server")

SEED = 5
QUIET, HOSTILE = 2.0, 5.0

#: How much later than in quiet times the slowest of a hundred answers may be, and seconds that are no delay where
#: tests share their machine. A flood used to delay all answers by seconds.
FACTOR, FLOOR = 3.0, 0.4

#: MiB that the server may have more afterwards.
GROWTH = 60


async def answer_times(client: SocketClient, server: int, into: list[float]) -> None:
    """Ask again and again, and note how long each answer takes, without what other programs take of it."""

    def now() -> float:
        return time.monotonic() - delayed() - delayed(str(server))

    while True:
        began = now()
        await (await client.connection.ping())
        into.append(now() - began)
        await asyncio.sleep(0.02)


def resident(pid: int) -> int:
    """MiB of memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 // 2**20


@pytest.mark.slow
async def test_hostile_clients_hold_up_nobody_and_leave_nothing(data_folder: Path) -> None:
    port = free_port()
    with running(["-m", "hub.server", "--port", str(port)], data_folder) as process:
        wait_for(lambda: is_live(port), timeout=60, that="the server answers")
        async with connect(f"ws://127.0.0.1:{port}/ws/notifications/") as client:
            quiet: list[float] = []
            hostile: list[float] = []
            asking = asyncio.create_task(answer_times(client, process.pid, quiet))
            await asyncio.sleep(QUIET)  # how long answers take then is what is looked at
            asking.cancel()
            before = resident(process.pid)
            asking = asyncio.create_task(answer_times(client, process.pid, hostile))
            command = [sys.executable, "-m", "lab.chaos.hostile_wire", str(port), str(HOSTILE), str(SEED)]
            fuzz = await asyncio.create_subprocess_exec(
                *ending_with_us(command), cwd=BASE_DIR, stdout=asyncio.subprocess.PIPE
            )
            sent, _ = await fuzz.communicate()
            asking.cancel()
            assert int(sent) > 20, "it was hardly hostile"
            assert percentile(hostile, 0.99) < max(FACTOR * percentile(quiet, 0.99), FLOOR)
            await client.send("no JSON")
            assert (await client.receive_json())["code"] == "invalid_json"
        assert await asyncio.to_thread(is_live, port)
        assert resident(process.pid) - before < GROWTH
    assert "Traceback" not in (data_folder / "server.log").read_text()
