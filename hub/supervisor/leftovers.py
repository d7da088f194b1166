"""A record of what runs, so that a start can end what a killed supervisor left behind, and nothing else."""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from hub.config import UnusableEnvironment
from hub.supervisor import processes

#: Set for every part; processes that a part starts inherit it.
MARK = "HUB_RUN_ID"

#: Seconds that leftovers get to end by themselves before they are killed.
GRACE = 3.0


class _Entry(TypedDict):
    group: int
    identity: str


class _Record(TypedDict):
    run: str
    parts: dict[str, _Entry]


class RunRecord:
    """The record of this run in ``folder``, which also keeps a second supervisor out of it.

    Raises ``UnusableEnvironment`` where another one is at work there.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda text: None) -> None:
        self._path = folder / "parts.json"
        self._lock = (folder / "up.lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            pid = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise UnusableEnvironment(
                f"Another `manage.py up` (process {pid}) uses {folder.parent}: stop it, or set HUB_DATA_DIR to "
                "another folder and HUB_PORT to another port."
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        self._record: _Record = {"run": secrets.token_hex(8), "parts": {}}
        self._say = say
        #: Whether the record in the file is older than this one.
        self._is_behind = False

    @property
    def mark(self) -> str:
        """The value of ``MARK`` in this run."""
        return self._record["run"]

    def end_leftovers(self) -> list[str]:
        """End the parts of an earlier run that still run, with all they started; returns their names."""
        try:
            record: _Record = json.loads(self._path.read_text())
            groups = {name: entry for name, entry in record["parts"].items() if _is_left(record["run"], entry)}
        except (OSError, ValueError, KeyError, TypeError):
            return []  # none, or one cut short by a full disk: nothing is known to run
        for number in (signal.SIGTERM, signal.SIGKILL):
            left = [entry for entry in groups.values() if _is_left(record["run"], entry)]
            for entry in left:
                processes.kill_group(entry["group"], number)
            deadline = time.monotonic() + GRACE
            while any(_is_left(record["run"], entry) for entry in left) and time.monotonic() < deadline:
                time.sleep(0.05)
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        return list(groups)

    def add(self, name: str, pid: int) -> None:
        """Record that the part ``name`` runs as ``pid``, the leader of its own process group."""
        if identity := processes.identity(pid):
            self._record["parts"][name] = {"group": pid, "identity": identity}
            self._write()

    def remove(self, name: str) -> None:
        """Record that the part ``name`` has ended."""
        if self._record["parts"].pop(name, None):
            self._write()

    def close(self) -> None:
        """Forget the record and let the next supervisor in. Call it when all parts have ended."""
        with contextlib.suppress(OSError):  # a disk that became read-only: no process of the record runs any more
            self._path.unlink(missing_ok=True)
        self._lock.close()

    def _write(self) -> None:
        """Write the record. A disk that takes nothing costs the next start its knowledge of what runs, and no more."""
        draft = self._path.with_suffix(".new")
        try:
            draft.write_text(json.dumps(self._record))
            draft.replace(self._path)
        except OSError as error:
            if not self._is_behind:
                self._say(f"What runs cannot be recorded in {self._path}: {error.strerror}")
            self._is_behind = True
        else:
            self._is_behind = False


def _is_left(run: str, entry: _Entry) -> bool:
    """Whether the recorded process, or one that it started, still runs.

    A number may have been given to another process since. The kernel does not reuse the number of a group that has
    members, so another process of that number means that the group is gone.
    """
    leader = processes.identity(entry["group"])
    if leader is not None:
        return leader == entry["identity"]
    return bool(processes.members(entry["group"], f"{MARK}={run}"))
