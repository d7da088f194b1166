"""Where the hub's files lie."""

import hashlib
import os
import tempfile
from pathlib import Path

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


def private_redis_socket(folder: Path) -> Path:
    """Where the hub's own Redis listens when ``REDIS_URL`` is not set.

    Lies in ``folder``; if that path is too long for a unix socket, in a folder of this user's below the system's
    temporary folder, named after ``folder``, so that every process with the same variables finds the same socket.
    """
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"hub-{os.getuid()}-{name}" / "redis.sock"
