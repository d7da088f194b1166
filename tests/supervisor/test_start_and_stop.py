"""The whole hub is started, hurt and stopped, as a person at a terminal does it."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from hub.config.paths import private_redis_socket
from lab.harness.waiting import wait_for
from tests.live.parts import crowding
from tests.supervisor.running import Up, listens, up
from tests.support.live import LiveHub

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.xdist_group("up"),
    pytest.mark.any_database,
]

PARTS = {"redis", "web-1", "worker", "worker-deliveries", "worker-bulk", "beat"}


@dataclass
class FirstRun:
    """What was seen of a first run, from its start on an empty folder to its end by SIGTERM."""

    folder: Path
    up: Up
    output: str
    parts: dict[str, int]
    socket_was_there: bool
    code: int
    stopped_within: float


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstRun]:
    """A hub on a folder whose path is too long for a unix socket, ready and stopped."""
    folder = tmp_path_factory.mktemp("up") / ("long-" * 25)
    with up(folder) as running:
        running.until_ready()
        output, parts, socket = running.output, running.parts(), private_redis_socket(folder).exists()
        before = time.monotonic()
        running.signal(signal.SIGTERM)
        code = running.until_ended()
        yield FirstRun(folder, running, output, parts, socket, code, time.monotonic() - before)


@pytest.fixture(scope="module")
def used_folder(first_run: FirstRun) -> Path:
    """The data folder of a hub that ran before."""
    return first_run.folder


@pytest.fixture(scope="module")
def running(used_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A hub on a copy of that folder, ready."""
    with up(Path(shutil.copytree(used_folder, tmp_path_factory.mktemp("up") / "data"))) as started:
        started.until_ready()
        yield started


def health(port: int) -> str | None:
    """What ``/health/ready`` says; None where nothing answers."""
    try:
        status: str = httpx.get(f"http://127.0.0.1:{port}/health/ready").json()["status"]
    except httpx.HTTPError:
        return None
    return status


def test_first_run_starts_every_part(first_run: FirstRun) -> None:
    assert set(first_run.parts) == PARTS
    assert first_run.socket_was_there


def test_sigterm_leaves_no_process_and_no_socket(first_run: FirstRun) -> None:
    assert first_run.code == 0
    assert first_run.stopped_within < 10
    assert first_run.up.processes() == []
    assert first_run.up.sockets() == []
    assert not private_redis_socket(first_run.folder).parent.exists()
    assert not listens(first_run.up.port)


def test_made_up_password_is_shown_once_and_kept_in_no_file(first_run: FirstRun, running: Up) -> None:
    lines = first_run.output.splitlines()
    line = lines[lines.index(first_run.up.ready_line) - 1]
    assert "Log in as 'admin'" in line
    password = line.partition("with the password ")[2].split()[0]
    logs = "".join(path.read_text() for path in (first_run.folder / "logs").iterdir())
    assert len(password) >= 16
    assert password not in logs
    assert "Log in as" not in running.output


def test_second_start_is_ready_within_eight_seconds_and_its_last_line_says_so(used_folder: Path) -> None:
    with up(used_folder) as second:
        took = second.until_ready()
        assert second.output.splitlines()[-1] == second.ready_line
        assert health(second.port) == "ready"
        assert took < 8 * crowding()
        os.kill(second.parts()["worker"], signal.SIGSTOP)  # so that it cannot stop in an orderly way
        second.signal(signal.SIGINT)
        second.until_said("once more to kill")
        before = time.monotonic()
        second.signal(signal.SIGINT)
        second.until_ended(5)
        # One Ctrl-C stops in order, the second does not wait for anybody.
        assert time.monotonic() - before < 3 * crowding()
        assert second.processes() == []
        assert not private_redis_socket(used_folder).exists()


def test_second_up_on_the_same_folder_says_so(running: Up) -> None:
    second = Up(running.folder)
    assert second.until_ended(20) == 1
    assert f"Another `manage.py up` (process {running.process.pid}) uses {running.folder}" in second.output
    assert "Traceback" not in second.output
    assert health(running.port) == "ready"


def test_killed_parts_are_started_again_and_said_so(running: Up) -> None:
    before = running.parts()

    for part in PARTS:
        os.kill(before[part], signal.SIGKILL)

    for part in PARTS:
        running.until_said(f"{part} was ended by SIGKILL and is started again")
    wait_for(
        lambda: set(running.parts()) == PARTS and not set(before.values()) & set(running.parts().values()),
        timeout=20,
        that="every part runs again",
    )
    wait_for(lambda: health(running.port) == "ready", timeout=30, that="the hub is ready again")
    left = [pid for pid in running.processes() if os.getpgid(pid) in before.values()]
    assert left == []


def test_start_after_the_supervisor_was_killed_ends_what_it_left(used_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(used_folder, tmp_path / "data"))
    killed = Up(folder)
    killed.until_ready()
    old = set(killed.processes())
    os.kill(killed.parts()["worker"], signal.SIGSTOP)  # one that cannot follow the kernel's hint to end
    killed.signal(signal.SIGKILL)
    killed.until_ended()

    with up(folder, HUB_PORT=str(killed.port)) as again:
        again.until_ready()
        (line,) = [line for line in again.output.splitlines() if "left behind: " in line]
        # Of the others, which follow the hint, some may not have ended yet.
        assert "worker" in line.partition("left behind: ")[2].split(", ")
        assert old and old.isdisjoint(again.processes())
        assert health(again.port) == "ready"


def test_web_processes_share_one_port_and_their_counters(hub: LiveHub) -> None:
    assert list((hub.folder / "run" / "metrics").glob("*.db"))
    assert {path.stem for path in (hub.folder / "logs").glob("web-*.log")} == {"web-1", "web-2"}
    pages = {httpx.get(f"{hub.url}/metrics").status_code for _ in range(4)}
    assert pages == {200}
