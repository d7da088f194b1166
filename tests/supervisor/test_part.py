"""One part: kept running, stopped in order, killed when it does not stop, and its lines."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.supervisor import part as part_module
from hub.supervisor import processes
from hub.supervisor.leftovers import MARK
from hub.supervisor.output import FILE_SIZE, FILES_KEPT, LINE_LIMIT, Output
from lab.harness.waiting import await_for
from tests.supervisor.keeping import OF_THE_TEST, WAIT, Keep

IGNORE = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAIT}"


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Output]:
    made = Output(tmp_path, ["part", "worker"])
    yield made
    made.close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(part_module, "LONGEST_PAUSE", 0.03)


@pytest.mark.slow
async def test_part_that_ends_is_started_again_after_growing_pauses(keep: Keep) -> None:
    part = keep("print('hello'); raise SystemExit(3)")
    part.kept.start()
    await await_for(lambda: len(part.said) >= 4, that="it was started again four times")
    await part.kept.stop(within=1)
    assert part.said[:4] == [
        f"part ended with exit code 3 and is started again in {pause:g} s" for pause in (0.01, 0.02, 0.03, 0.03)
    ]
    assert part.lines().count("hello") >= 4


async def test_stopped_part_is_not_started_again(keep: Keep) -> None:
    part = keep(WAIT)
    part.kept.start()
    await await_for(lambda: part.lines() == ["up"], that="it runs")
    assert part.kept.runs()
    await part.kept.stop(within=5)
    assert not part.kept.runs()
    assert part.said == []


async def test_part_that_does_not_stop_is_killed_and_said_so(keep: Keep) -> None:
    part = keep(IGNORE)
    part.kept.start()
    await await_for(lambda: part.lines() == ["up"], that="it runs")
    await part.kept.stop(within=0.2)
    assert not part.kept.runs()
    assert part.said == ["part did not stop within 0.2 s and is killed"]


async def test_stop_right_after_start_leaves_nothing(keep: Keep) -> None:
    part = keep(IGNORE)
    part.kept.start()
    await asyncio.sleep(0)
    await part.kept.stop(within=0.2)
    assert not part.kept.runs()


@pytest.mark.slow
async def test_what_a_dead_part_had_started_dies_with_it(keep: Keep) -> None:
    child = "import time; time.sleep(60)"
    start = f"import os, subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])"
    code = f"{start}; print(os.getpid(), flush=True); {WAIT}"
    ended: list[int] = []
    part = keep(code, on_end=ended.append)
    part.kept.start()
    await await_for(lambda: len(part.lines()) == 2, that="it runs")
    first = int(part.lines()[0])
    os.kill(first, signal.SIGKILL)
    await await_for(lambda: len(part.lines()) == 4, that="it runs again")
    assert part.said == ["part was ended by SIGKILL and is started again in 0.01 s"]
    assert processes.members(first, f"{MARK}={OF_THE_TEST}") == []
    await part.kept.stop(within=5)
    assert ended[0] == first and len(ended) == 2


async def test_lines_go_to_the_terminal_with_the_name_and_to_a_file_without(
    tmp_path: Path, output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = asyncio.StreamReader()
    stream.feed_data("one\n\n  \ntwo привет\nGET /?token=canary\nthe end".encode())
    stream.feed_eof()
    await output.follow("part", stream)
    assert capsys.readouterr().out.splitlines() == [
        "part   | one",
        "part   | two привет",
        "part   | GET /?token=[removed]",
        "part   | the end",
    ]
    assert (tmp_path / "part.log").read_text() == "one\ntwo привет\nGET /?token=[removed]\nthe end\n"
    assert not (tmp_path / "worker.log").exists()


async def test_line_without_an_end_is_broken_not_kept(tmp_path: Path, output: Output) -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(b"x" * (3 * LINE_LIMIT))
    stream.feed_eof()
    await output.follow("part", stream)
    text = (tmp_path / "part.log").read_text()
    assert max(map(len, text.splitlines())) <= 2 * LINE_LIMIT
    assert text.count("x") == 3 * LINE_LIMIT


@pytest.mark.slow
async def test_log_file_stays_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hub.supervisor.output.FILE_SIZE", 10_000)
    output = Output(tmp_path, ["part"])
    for number in range(2_000):
        output.line("part", f"line {number} {'x' * 40}")
    output.close()
    files = list(tmp_path.iterdir())
    assert len(files) == FILES_KEPT + 1
    assert all(file.stat().st_size <= 10_000 for file in files)
    assert "line 1999" in (tmp_path / "part.log").read_text()
    assert FILE_SIZE * (FILES_KEPT + 1) <= 20 * 1024 * 1024
