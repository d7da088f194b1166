"""The probes of the parts: web processes answer a request, worker and beat touch a file.

See :mod:`hub.ops.liveness_file`.
"""

from pathlib import Path

from hub.config import hub_settings
from hub.supervisor import private_redis, readiness
from hub.supervisor.liveness import Life

#: Seconds without a heartbeat after which a web process, and worker and beat, count as hanging.
WEB_TIMEOUT, FILE_TIMEOUT = 15.0, 60.0


def of_web(port: int) -> Life:
    """Its event loop answers ``/health/live`` on its own ``port``."""

    async def probe() -> bool:
        return await readiness.answers(port)

    return Life(probe, WEB_TIMEOUT)


def of_file(folder: Path, name: str) -> Life:
    """It touches ``<name>.alive`` in ``folder``.

    Nothing is said of it while the broker is away, for which a worker waits, or while files cannot be touched here.
    """
    path, own = folder / f"{name}.alive", folder / "up.alive"
    seen = _touched(path)

    async def probe() -> bool | None:
        nonlocal seen
        before, seen = seen, _touched(path)
        if seen != before:
            return True
        try:
            own.touch()
            await private_redis.ping(hub_settings().redis_url)
        except (OSError, private_redis.RedisDoesNotAnswer):
            return None
        return False

    return Life(probe, FILE_TIMEOUT)


def _touched(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
