"""Where the hub's files lie."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from hub.config.variables import UnusableEnvironment

#: The folder of the hub's code.
BASE_DIR = Path(__file__).resolve().parents[2]

#: The kernel's limit for the path of a unix socket is 108 bytes with the closing zero (``man 7 unix``).
SOCKET_PATH_LIMIT = 107


def data_folder(code: Path = BASE_DIR) -> Path:
    """Where the hub's own project keeps its files when ``HUB_DATA_DIR`` is not set: ``var`` beside its ``manage.py``.

    An installed package has none: there it is ``var`` in the current folder, since what is written among packages is
    lost with the next environment.
    """
    if (code / "manage.py").is_file():
        return code / "var"
    try:
        return Path("var").absolute()
    except FileNotFoundError:  # the current folder was deleted; inside a project nobody asks for this one
        return Path("var")


def private_redis_path(folder: Path) -> Path:
    """Where the hub's own Redis listens when ``REDIS_URL`` is not set.

    Lies in ``folder``; if that path is too long for a unix socket, in a folder of this user's below the system's
    temporary folder, named after ``folder``, so that every process with the same variables finds the same socket.
    """
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"hub-{os.getuid()}-{name}" / "redis.sock"


def private_redis_socket(folder: Path) -> Path:
    """:func:`private_redis_path`, to be used.

    Raises ``UnusableEnvironment`` where its folder below the temporary one is another user's: what is published would
    go to their Redis.
    """
    path = private_redis_path(folder)
    if path.parent != folder:
        refuse_open(path.parent)
    return path


def refuse_open(parent: Path) -> None:
    """Raise ``UnusableEnvironment`` where others than this user can exchange what is in ``parent``, if it is there.

    Anyone may make folders in the system's temporary folder.
    """
    try:
        status = parent.lstat()
    except FileNotFoundError:
        return
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077:
        raise UnusableEnvironment(
            f"{parent} belongs to someone else: set HUB_DATA_DIR to a shorter path, or REDIS_URL."
        )
