"""Whether the hub as a whole is ready: every web process says so, and worker and beat of this host have shown life."""

import asyncio
import json
from collections.abc import Mapping

from django.conf import settings

from hub.concurrency.daemon_threads import in_daemon_thread
from hub.supervisor import database
from hub.supervisor.plan import HOST

#: Seconds that one process gets to answer.
ANSWER_TIMEOUT = 5.0


async def missing(probes: Mapping[str, int]) -> list[str]:
    """The parts that are not ready, by name; ``probes`` has the port of each web process."""
    answers = await asyncio.gather(*(_is_ready(port) for port in probes.values()))
    waiting = [name for name, ready in zip(probes, answers, strict=True) if not ready]
    silent = await in_daemon_thread(database.missing_parts, name="hub-readiness")
    return waiting + [part.partition(":")[0] for part in silent]


async def answers(port: int) -> bool:
    """Whether the web process on this port answers, within :data:`ANSWER_TIMEOUT` and whatever it says."""
    return (await _ask(port, "/health/live")).startswith(b"HTTP/1.")


async def _ask(port: int, path: str) -> bytes:
    """The whole answer; empty where there is none."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(_request(path))
                return await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""


async def _is_ready(port: int) -> bool:
    head, _, body = (await _ask(port, "/health/ready")).partition(b"\r\n\r\n")
    try:
        return head.split(b" ", 2)[1] == b"200" and json.loads(body)["status"] == "ready"
    except (IndexError, ValueError, KeyError, TypeError):
        return False


def _request(path: str) -> bytes:
    """A request that the web process takes for one of its own: a host it serves, over HTTPS where it asks for that."""
    host = next((name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"), HOST)
    proxy = "X-Forwarded-Proto: https\r\n" if settings.SECURE_SSL_REDIRECT else ""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{proxy}Connection: close\r\n\r\n".encode()
