"""File modes of a hub that runs: what other users of the machine could read or change."""

import contextlib
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.audit.outcome import Outcome
from lab.harness.ending import end
from lab.harness.environment import BASE_DIR, clean_environment, ending_with_us, free_port
from lab.harness.waiting import wait_for

#: Seconds for a hub to start and to stop.
START_TIMEOUT = 90.0


def open_to_others(folder: Path) -> list[str]:
    """What other users may read, write or enter in ``folder``, itself included; links have no rights of their own."""
    found = []
    for path in [folder, *folder.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):  # such as a draft that has become the file
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode) and mode & 0o077:
                found.append(f"{path.relative_to(folder)} {stat.filemode(mode)}")
    return found


def look() -> Outcome:
    """Start a fresh hub under the most generous umask, look at its files while it runs and after, and end it."""
    with tempfile.TemporaryDirectory(prefix="hub-audit-") as temporary:
        folder, said = Path(temporary) / "data", Path(temporary) / "said"
        with said.open("wb") as output:
            process = subprocess.Popen(
                ending_with_us([sys.executable, "manage.py", "up"]),
                cwd=BASE_DIR,
                env=clean_environment(HUB_DATA_DIR=str(folder), HUB_PORT=str(free_port())),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0,
            )
        try:
            wait_for(
                lambda: process.poll() is not None or "Hub is ready" in said.read_text(),
                timeout=START_TIMEOUT,
                that="the hub is ready",
            )
            if process.poll() is not None:
                return Outcome("found", ["The hub did not start:", *said.read_text().splitlines()[-5:]])
            found = open_to_others(folder)
        finally:
            end(process)
        return Outcome.of(sorted({*found, *open_to_others(folder)}), f"{len(list(folder.rglob('*')))} files")
