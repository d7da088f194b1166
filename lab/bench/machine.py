"""The machine under the measurement: which core does what, what a process has used of it, and its limits."""

import contextlib
import os
import platform
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cores() -> tuple[set[int], set[int]]:
    """The cores of the server and of the load generator; the same set twice where there is only one.

    On a machine that cannot pin (no ``sched_setaffinity``) both are empty, and the kernel decides.
    """
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    available = sorted(os.sched_getaffinity(0))
    return {available[0]}, {available[1 % len(available)]}


SERVER_CORE, GENERATOR_CORE = cores()


@contextlib.contextmanager
def on(core: set[int]) -> Iterator[None]:
    """Run the block on ``core``; processes that it starts stay there, with all their threads."""
    if not core:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_file_limit() -> int:
    """Allow as many open files as the kernel lets us; returns how many that is. Processes inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def describe() -> str:
    """Processor, cores, memory, kernel and Python, in one line."""
    model = "unknown processor"
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {os.cpu_count()} cores, {gib:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time that the processes have used so far, in seconds; 0 where the kernel does not tell."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
    return total


def memory(pid: int) -> dict[str, int]:
    """Bytes of memory of one process: ``rss``, ``pss`` (shared pages divided) and ``uss`` (its own pages only)."""
    wanted = {"Rss": "rss", "Pss": "pss", "Private_Clean": "uss", "Private_Dirty": "uss"}
    found = dict.fromkeys(wanted.values(), 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in wanted:
            found[wanted[name]] += int(rest.split()[0]) * 1024
    return found


@dataclass
class CpuShare:
    """Processor time, in seconds, that the server and the generator used while something was measured."""

    elapsed: float = 0.0
    server: float = 0.0
    generator: float = 0.0


@contextlib.contextmanager
def watch_cpu(server: Sequence[int], generator: Sequence[int], share: CpuShare | None = None) -> Iterator[CpuShare]:
    """Measure both for the length of the block, and add it to ``share`` where one is given.

    Ticks are 10 ms mostly: short blocks give rough numbers.
    """
    share = CpuShare() if share is None else share
    began, before = time.monotonic(), (cpu_seconds(server), cpu_seconds(generator))
    yield share
    share.elapsed += time.monotonic() - began
    share.server += cpu_seconds(server) - before[0]
    share.generator += cpu_seconds(generator) - before[1]
