"""The shipped nginx configuration, run by the machine's own nginx in front of servers of the tests."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from rig.environment import BASE_DIR, ending_with_us, free_port
from rig.waiting import wait_for

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

SHIPPED = BASE_DIR / "deploy" / "nginx.conf"

#: The first version that looks up the servers of an upstream while it runs.
RESOLVES = (1, 27, 3)


class Nginx:
    """An nginx that runs. ``url`` and ``ws_url`` have no slash at their end."""

    def __init__(self, port: int, log: Path, process: "subprocess.Popen[bytes]") -> None:
        self.url, self.ws_url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        self.port = port
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()


def version() -> tuple[int, ...]:
    """Of the machine's nginx."""
    shown = subprocess.run([str(NGINX), "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", shown)
    assert found, shown
    return tuple(map(int, found.groups()))


def adapted(folder: Path, port: int, upstreams: tuple[str, str], changes: Mapping[str, str]) -> str:
    """The shipped configuration with the addresses and folders of a test, and ``changes``."""
    changed = {
        "web-1:8000": upstreams[0],
        "web-2:8000": upstreams[1],
        "listen 8080": f"listen 127.0.0.1:{port}",
        "/tmp/": f"{folder}/",
        "/dev/stdout": str(folder / "log"),
        "error_log stderr": f"error_log {folder / 'log'}",
        **changes,
    }
    if version() < RESOLVES:
        changed[" resolve max_fails=0"] = " max_fails=0"
    text = SHIPPED.read_text()
    for shipped, here in changed.items():
        assert shipped in text
        text = text.replace(shipped, here)
    return text


@contextmanager
def nginx_before(folder: Path, *upstreams: str, changes: Mapping[str, str] | None = None) -> Iterator[Nginx]:
    """nginx with the shipped configuration before one or two servers, given as ``host:port``.

    Args:
        folder: an empty one, for what it writes.
        changes: texts of the configuration, each with what stands there instead.
    """
    port, log = free_port(), folder / "log"
    configuration = folder / "nginx.conf"
    configuration.write_text(adapted(folder, port, (upstreams[0], upstreams[-1]), changes or {}))
    log.touch()
    command = ending_with_us([str(NGINX), "-e", str(log), "-c", str(configuration), "-g", "daemon off;"])
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    nginx = Nginx(port, log, process)
    try:
        wait_for(lambda: process.poll() is not None or _answers(nginx.url), that="nginx answers")
        assert process.poll() is None, nginx.log
        yield nginx
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/nginx").status_code == 200
    except httpx.TransportError:
        return False
