"""A private Redis for tests, started and stopped at will."""

import subprocess
from pathlib import Path

import redis

from hub.supervisor.redis_server import command, find_binary
from lab.harness.environment import ending_with_us
from lab.harness.waiting import wait_for


class RedisServer:
    """A Redis that listens on ``socket`` only and keeps nothing.

    ``start`` returns when it answers; ``stop`` when it is gone. Both may be repeated, to test an outage.
    """

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.url = f"unix://{socket}"
        self.client = redis.Redis(unix_socket_path=str(socket))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folder = self.socket.parent
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                ending_with_us(command(find_binary(), self.socket, folder, persistent=False)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(self._answers, that=f"Redis answers (its log is {folder / 'redis.log'})")

    def stop(self) -> None:
        self.client.close()
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def kill(self) -> None:
        """End it with SIGKILL, as a crash does."""
        assert self._process, "Redis is not running"
        self._process.kill()
        self._process.wait(20)
        self._process = None

    def _answers(self) -> bool:
        assert self._process and self._process.poll() is None, "Redis ended at its start"
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False
