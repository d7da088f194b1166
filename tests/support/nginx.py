"""The shipped nginx configuration, run by the machine's own nginx in front of servers of the tests."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from lab.harness.environment import ending_with_us, free_port
from lab.harness.nginx import NGINX, adapted
from lab.harness.waiting import wait_for

needs_nginx = pytest.mark.skipif(
    NGINX is None, reason="there is no nginx here: `make test-programs` installs it, then run these tests again"
)


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


@contextmanager
def nginx_before(folder: Path, *upstreams: str, changes: Mapping[str, str] | None = None) -> Iterator[Nginx]:
    """nginx with the shipped configuration before one or two servers, given as ``host:port``.

    Args:
        folder: an empty one, for what it writes.
        changes: texts of the configuration, each with what stands there instead.
    """
    port, log = free_port(), folder / "log"
    configuration = folder / "nginx.conf"
    configuration.write_text(
        adapted(
            {
                "web-1:8000": upstreams[0],
                "web-2:8000": upstreams[-1],
                "listen 8080": f"listen 127.0.0.1:{port}",
                "/tmp/": f"{folder}/",
                "/dev/stdout": str(log),
                "error_log stderr": f"error_log {log}",
                **(changes or {}),
            }
        )
    )
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
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/nginx").status_code == 200
    except httpx.TransportError:
        return False
