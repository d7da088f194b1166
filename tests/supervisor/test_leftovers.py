"""The record of what runs: what is ours is ended, what only has its number is not."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.config import UnusableEnvironment
from hub.supervisor import processes
from hub.supervisor.leftovers import MARK, RunRecord
from lab.harness.waiting import wait_for

SLEEP = "import time; time.sleep(60)"
#: A leader that starts a process in its group and then ends.
ORPHAN = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}])"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); {SLEEP}"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes of the test; what is left of their groups is killed."""
    all_of_them: list[subprocess.Popen[bytes]] = []
    yield all_of_them
    for process in all_of_them:
        processes.kill_group(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()


def start(
    started: list[subprocess.Popen[bytes]], code: str, *, run: str, output: int | None = None
) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, MARK: run}, start_new_session=True, stdout=output
    )
    started.append(process)
    return process


def abandoned(folder: Path, name: str, pid: int, *, run: str, identity: str | None = None) -> None:
    """A record as a killed supervisor leaves it."""
    entry = {"group": pid, "identity": identity or processes.identity(pid)}
    (folder / "parts.json").write_text(json.dumps({"run": run, "parts": {name: entry}}))


def end_leftovers(folder: Path) -> list[str]:
    running = RunRecord(folder)
    try:
        return running.end_leftovers()
    finally:
        running.close()


def test_part_of_an_earlier_run_is_ended(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    process = start(started, SLEEP, run="earlier")
    abandoned(tmp_path, "worker", process.pid, run="earlier")
    assert end_leftovers(tmp_path) == ["worker"]
    assert process.wait(30) == -signal.SIGTERM


def test_part_that_ignores_the_request_is_killed(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.supervisor.leftovers.GRACE", 0.2)
    process = start(started, STUBBORN, run="earlier", output=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == b"ready\n"
    abandoned(tmp_path, "worker", process.pid, run="earlier")
    assert end_leftovers(tmp_path) == ["worker"]
    assert process.wait(30) == -signal.SIGKILL


def test_process_that_only_has_the_number_lives_on(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    process = start(started, SLEEP, run="earlier")
    abandoned(tmp_path, "worker", process.pid, run="earlier", identity="of another time")
    assert end_leftovers(tmp_path) == []
    assert process.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the environment of a process")
@pytest.mark.parametrize(("run", "ended"), [("earlier", ["worker"]), ("somebody else's", [])])
def test_orphan_is_ended_only_with_our_mark(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], run: str, ended: list[str]
) -> None:
    leader = start(started, ORPHAN, run=run)
    identity = processes.identity(leader.pid)
    assert leader.wait(30) == 0
    wait_for(lambda: processes.members(leader.pid, f"{MARK}={run}"), that="the orphan runs")
    abandoned(tmp_path, "worker", leader.pid, run="earlier", identity=identity)
    assert end_leftovers(tmp_path) == ended
    assert bool(processes.members(leader.pid, f"{MARK}={run}")) is not bool(ended)


@pytest.mark.parametrize("record", ["", "{", "[]", '{"run": "x"}', '{"run": "x", "parts": {"web-1": {}}}'])
def test_record_that_was_cut_short_is_no_obstacle(tmp_path: Path, record: str) -> None:
    (tmp_path / "parts.json").write_text(record)
    assert end_leftovers(tmp_path) == []


def test_only_one_supervisor_at_a_time(tmp_path: Path) -> None:
    first = RunRecord(tmp_path)
    with pytest.raises(UnusableEnvironment, match=f"process {os.getpid()}"):
        RunRecord(tmp_path)
    first.close()
    RunRecord(tmp_path).close()


def test_identity_of_a_process_that_ended_is_none(started: list[subprocess.Popen[bytes]]) -> None:
    process = start(started, "", run="x")
    assert process.wait(30) == 0
    assert processes.identity(process.pid) is None
    assert processes.identity(os.getpid()) == processes.identity(os.getpid()) is not None
