"""A Redis on a port of this machine, as somebody runs one for the hub; the harness starts others on a socket."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import redis

from hub.supervisor.redis_server import find_binary
from lab.harness.environment import ending_with_us, free_port
from lab.harness.waiting import wait_for


@contextlib.contextmanager
def own_redis(folder: Path, *arguments: str) -> Iterator[int]:
    """A Redis that keeps its files in ``folder``, started with ``arguments``; gives its port."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    command = [str(find_binary()), *arguments, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    with (folder / "redis.log").open("ab") as log:
        process = subprocess.Popen(ending_with_us(command), stdout=log, stderr=log)
    try:
        with redis.Redis(port=port) as client:
            wait_for(lambda: _answers(client), that="Redis answers")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.AuthenticationError:
        return True
    except redis.ConnectionError:
        return False
