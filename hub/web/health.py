"""``/health/live`` and ``/health/ready``: is this process alive, and can the hub do its work?"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal, TypedDict, TypeVar

import redis.asyncio
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hub import __version__
from hub.access.operators import is_operator
from hub.bus import redis_errors
from hub.concurrency.daemon_threads import in_daemon_thread
from hub.config import hub_settings
from hub.database import heartbeats, migrated
from hub.logs import get_logger

T = TypeVar("T")

#: The ages of heartbeats, and the apps that wait for ``migrate``.
_Found = tuple[dict[str, float], list[str]]

#: Seconds that one check may take.
CHECK_TIMEOUT = 2.0

log = get_logger(__name__)


class Check(TypedDict, total=False):
    """What one check found; ``ms`` is how long it took, ``age_seconds`` how old the last heartbeat is."""

    ok: bool
    ms: float
    age_seconds: float | None


class HealthReport(TypedDict):
    """The body of ``/health/ready``. ``missing`` names the checks that are not ok; ``version`` is of this process."""

    status: Literal["ready", "degraded", "unavailable"]
    version: str
    checks: dict[str, Check]
    missing: list[str]


_draining = False


def start_draining() -> None:
    """Say from now on that this process is unavailable, because it is about to stop."""
    global _draining
    _draining = True


@transaction.non_atomic_requests
@require_safe
@never_cache
async def live(request: HttpRequest) -> HttpResponse:
    """200 as long as the event loop turns. Looks at nothing else: restarting helps against nothing else."""
    return JsonResponse({"status": "live"})


@transaction.non_atomic_requests
@require_safe
@never_cache
async def ready(request: HttpRequest) -> HttpResponse:
    """The ``HealthReport`` as JSON; 503 where this process cannot serve (no database, tables, or stopping), else 200.

    Without Redis, worker or beat pages and messages still work, later or in part: that is ``degraded``.
    Answers within ``CHECK_TIMEOUT`` and tells nothing about addresses or the reasons of errors: those are in the log.
    Who is no operator (:mod:`hub.access.operators`) is told ``ready`` or ``unavailable``, and nothing else.
    """
    found = await report()
    is_up = found["status"] != "unavailable"
    answer = found if is_operator(request) else {"status": "ready" if is_up else "unavailable"}
    return JsonResponse(answer, status=200 if is_up else 503)


async def report() -> HealthReport:
    """Run all checks at the same time and sum them up."""
    (database, found), redis_check = await asyncio.gather(_check_database(), _check_redis())
    checks: dict[str, Check] = {"database": database, "redis": redis_check}
    ages, waiting = found or ({}, [])
    if waiting:
        log.warning("health_check_failed", check="migrations", error=f"not migrated: {', '.join(waiting)}")
        checks["migrations"] = {"ok": False}
    for kind in heartbeats.kinds():
        age = ages.get(kind)
        checks[kind] = {
            "ok": age is not None and age < heartbeats.MISSING_AFTER,
            "age_seconds": None if age is None else round(age, 1),
        }
    missing = [name for name, check in checks.items() if not check["ok"]]
    status: Literal["ready", "degraded", "unavailable"] = "degraded" if missing else "ready"
    if _draining or not database["ok"] or waiting:
        status = "unavailable"
    return {"status": status, "version": __version__, "checks": checks, "missing": missing}


async def _check_redis() -> Check:
    async def ping() -> None:
        client = redis.asyncio.from_url(hub_settings().redis_url, retry=Retry(NoBackoff(), 0))
        try:
            await client.ping()
        finally:
            await client.aclose()

    check, _ = await _timed("redis", ping)
    return check


async def _check_database() -> tuple[Check, _Found | None]:
    return await _timed("database", _look)


async def _timed(name: str, run: Callable[[], Awaitable[T]]) -> tuple[Check, T | None]:
    started = time.perf_counter()
    value = None
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            value = await run()
        ok = True
    except Exception as error:  # noqa: BLE001  # libraries fail in many ways, and each means: not usable
        log.warning("health_check_failed", check=name, error=_reason(error))
        ok = False
    return {"ok": ok, "ms": round((time.perf_counter() - started) * 1000, 1)}, value


def _reason(error: Exception) -> str:
    """For the log: what is wrong with Redis, the kind of any other error."""
    return redis_errors.reason(error) if isinstance(error, RedisError) else type(error).__name__


_asking: asyncio.Future[_Found] | None = None


async def _look() -> _Found:
    """Asks in a thread of its own, so that the check never queues behind the work of requests.

    A thread that hangs in a database that does not answer is not joined by another: those who ask wait for the same.
    """
    global _asking
    if _asking is None or _asking.done() or _asking.get_loop() is not asyncio.get_running_loop():
        _asking = in_daemon_thread(_look_with_own_connections, name="hub-health")
    return await asyncio.shield(_asking)


def _look_with_own_connections() -> _Found:
    try:
        # Without its tables nothing else can be asked.
        waiting = migrated.waiting_apps()
        return ({}, waiting) if waiting else (heartbeats.ages(), [])
    finally:
        connections.close_all()
