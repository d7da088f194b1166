"""``manage.py up`` as a process that tests start, signal and look at from outside."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment, ending_with_us, free_port
from lab.harness.waiting import wait_for
from tests.live.parts import crowding

READY_TIMEOUT, STOP_TIMEOUT = 120.0, 12.0


class Up:
    """One ``manage.py up`` on ``folder``. Starting does not wait: see ``until_ready`` and ``until_ended``."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.port = _number(variables.get("HUB_PORT")) or free_port()
        handle, name = tempfile.mkstemp(prefix="hub-up-", suffix=".out")
        os.close(handle)
        self.output_path = Path(name)
        # Everything but PostgreSQL is the command's own; the tests of the database have theirs.
        environment = clean_environment(HUB_DATA_DIR=str(folder), **{"HUB_PORT": str(self.port), **variables})
        self.started_at = time.monotonic()
        with self.output_path.open("wb") as output:
            self.process: subprocess.Popen[bytes] = forking.Popen(
                ending_with_us([sys.executable, "manage.py", "up"]),
                parts_too=True,
                cwd=BASE_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.output_path.read_text(errors="replace")

    @property
    def ready_line(self) -> str:
        return f"Hub is ready at http://127.0.0.1:{self.port}/"

    def until_ready(self) -> float:
        """Wait for the line that says so; returns the seconds since the start."""

        def said() -> bool:
            assert self.process.poll() is None, f"`up` ended:\n{self.output}"
            return self.ready_line in self.output

        wait_for(said, timeout=READY_TIMEOUT, that=f"the hub is ready; it said:\n{self.output}")
        return time.monotonic() - self.started_at

    def until_ended(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait for the end of the command; returns its exit code. On a busy machine it may take longer."""
        return self.process.wait(timeout * crowding())

    def until_said(self, text: str, timeout: float = 20.0) -> None:
        """Wait until ``text`` is in the output."""
        wait_for(lambda: text in self.output, timeout=timeout, that=f"`up` says {text!r}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def parts(self) -> dict[str, int]:
        """The process number of each part that runs, as the command records them."""
        record = json.loads((self.folder / "run" / "parts.json").read_text())
        return {name: entry["group"] for name, entry in record["parts"].items()}

    def processes(self) -> list[int]:
        """Every process that has this hub's data folder in its environment, apart from the command itself."""
        found = []
        mark = f"HUB_DATA_DIR={self.folder}".encode()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return [pid for pid in found if pid != self.process.pid and not _is_zombie(pid)]

    def sockets(self) -> list[Path]:
        """The unix sockets in the data folder."""
        return [path for path in self.folder.rglob("*") if path.is_socket()]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def listens(port: int) -> bool:
    """Whether someone accepts connections on this port of 127.0.0.1."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def up(folder: Path, **variables: str) -> Iterator[Up]:
    """An ``Up`` for the length of a block; whatever of it is left then is killed."""
    running = Up(folder, **variables)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.process.wait(STOP_TIMEOUT)
        for pid in running.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
        running.output_path.unlink()
