import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.bench import machine
from lab.bench.processes import Process, ProcessFailed

FAR_END = """
import os
from lab.bench.processes import answer_commands
answer_commands({
    "add": lambda a, b: a + b,
    "fail": lambda: 1 / 0,
    "end": lambda: os._exit(3),
    "cores": lambda: sorted(os.sched_getaffinity(0)),
})
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    started = Process(
        [sys.executable, "-c", FAR_END],
        core=machine.GENERATOR_CORE,
        log=tmp_path / "log",
        environment={**os.environ, "PYTHONPATH": str(Path.cwd())},
        talks=True,
    )
    yield started
    started.stop()


@pytest.mark.slow
async def test_a_process_answers_what_it_is_asked(process: Process) -> None:
    assert await process.ask("add", a=2, b=3) == 5


@pytest.mark.slow
async def test_an_error_over_there_is_one_here_and_the_process_goes_on(process: Process) -> None:
    with pytest.raises(ProcessFailed, match="ZeroDivisionError"):
        await process.ask("fail")
    assert await process.ask("add", a=1, b=1) == 2


async def test_a_process_that_ends_instead_of_answering_is_an_error(process: Process) -> None:
    with pytest.raises(ProcessFailed, match="ended while it was asked to end"):
        await process.ask("end")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this kernel does not pin")
async def test_a_process_stays_on_its_core_and_the_bench_goes_back_to_its_own(process: Process) -> None:
    assert set(await process.ask("cores")) == machine.GENERATOR_CORE
    assert os.sched_getaffinity(0) >= machine.GENERATOR_CORE | machine.SERVER_CORE


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this kernel does not tell")
def test_memory_that_a_process_takes_is_seen() -> None:
    before = machine.memory(os.getpid())
    taken = b"x" * 64 * 2**20
    after = machine.memory(os.getpid())
    assert {kind: round((after[kind] - before[kind]) / len(taken), 1) for kind in after} == {
        "rss": 1.0,
        "pss": 1.0,
        "uss": 1.0,
    }


async def test_the_processor_time_of_a_process_is_counted(process: Process) -> None:
    await process.ask("add", a=1, b=1)
    assert machine.cpu_seconds([process.pid]) > 0
    process.stop()
    assert machine.cpu_seconds([process.pid]) == 0
