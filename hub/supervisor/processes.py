"""What the operating system tells about processes: whether a number still is the process it was."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
#: Linux has it; macOS is asked through ``ps``.
_PROC_EXISTS = (_PROC / "self" / "stat").exists()


def identity(pid: int) -> str | None:
    """A text that tells this process from every other that had or will have its number; None where none runs.

    A process that has ended and that its parent has not asked after yet (a zombie) does not run.
    """
    if _PROC_EXISTS:
        fields = _stat(pid)
        return None if fields is None else f"{_boot()} {fields[19]}"
    found = subprocess.run(
        ["ps", "-o", "lstart=,stat=", "-p", str(pid)],  # noqa: S607  # where it is differs between systems
        capture_output=True,
        text=True,
        check=False,
    )
    *started, state = found.stdout.split() or [""]
    return None if state[:1] in {"", "Z"} else " ".join(started)


def kill_group(group: int, number: signal.Signals) -> bool:
    """Send the signal to all processes of the group; False where there is none left."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        return False
    return True


def members(group: int, mark: str) -> list[int]:
    """The running processes of ``group`` whose environment has ``mark`` (``NAME=value``). Empty except on Linux."""
    return [pid for pid in _pids() if _group(pid) == group and mark.encode() in _environment(pid)]


def _pids() -> Iterator[int]:
    if _PROC_EXISTS:
        yield from (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _group(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None else int(fields[2])


def _stat(pid: int) -> list[str] | None:
    """The fields of ``/proc/PID/stat`` from the state on (``man 5 proc``); None where no such process runs."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name before them may have spaces and brackets of its own.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _boot() -> str:
    """Start times count from the boot of the machine: which one."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
