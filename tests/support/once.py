"""What all processes of a test run share, and one of them makes."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path


def made_once(folder: Path, make: Callable[[], None]) -> None:
    """``folder`` with all that ``make`` puts into it, which is called in one process; the others wait for it.

    A process that finds a folder which another did not finish, because ``make`` failed, begins anew.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Looked for under the lock: who waited for it opened its own file before there was anything.
        whole = folder / "whole"
        if whole.exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        make()
        whole.touch()
