"""The environment of processes that tests start: the machine's own, without what steers a hub."""

import contextlib
import os
import secrets
import shutil
import socket
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]

#: Goes in front of the path of Python: what is in it counts as not installed.
NOT_INSTALLED = Path(__file__).parent / "not_installed"

_STEERING = {"SECRET_KEY", "REDIS_URL", "DATABASE_URL", "PROMETHEUS_MULTIPROC_DIR", "DJANGO_SETTINGS_MODULE"}


#: What cookies of the hubs are called that tests start, and of the one in the test process; by default it would depend
#: on the port.
COOKIE_PREFIX = "hub_"
SESSION_COOKIE, CSRF_COOKIE, LANGUAGE_COOKIE = (f"{COOKIE_PREFIX}{name}" for name in ("session", "csrf", "language"))


def steers_a_hub(name: str) -> bool:
    """Whether the hub reads the environment variable ``name`` (also as ``NAME_FILE``)."""
    return name.startswith("HUB_") or name.removesuffix("_FILE") in _STEERING


def clean_environment(**variables: str) -> dict[str, str]:
    """A copy of this process's environment without any variable that the hub reads, and then ``variables``.

    Cookies have the names above, and Python finds no more packages than where the hub is installed.
    """
    kept = {name: value for name, value in os.environ.items() if not steers_a_hub(name)}
    path = os.pathsep.join([str(NOT_INSTALLED), *filter(None, [variables.get("PYTHONPATH", kept.get("PYTHONPATH"))])])
    return {**kept, "HUB_COOKIE_PREFIX": COOKIE_PREFIX, **variables, "PYTHONPATH": path}


def ending_with_us(command: list[str]) -> list[str]:
    """``command`` so that it ends by SIGTERM when this process dies, however that happens (Linux)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", *command] if setpriv else command


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses at this moment, and that the system gives to nobody by itself.

    Those it gives, to servers and to clients that ask for any, begin at 32768; one of them may be gone by the time
    that a process has started. No other call returns it while this process runs (on Linux): the processes of a test
    run start servers at the same time.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.socket() as listener:
            _reserve(port)
            listener.bind(("127.0.0.1", port))
            return port


def _reserve(port: int) -> None:
    """Take the name of a port; raises ``OSError`` where it is taken. It ends with this process."""
    if sys.platform == "linux":
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as name:
            name.bind(f"\0port {port} of a test")
            name.detach()
