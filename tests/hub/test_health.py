"""``/health/live`` and ``/health/ready``: what they say when a part is missing, and that they never hang."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.test import AsyncClient

import hub
from hub.database import heartbeats, migrated
from hub.models import Heartbeat
from hub.web import health
from lab.harness.redis_server import RedisServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that is late says how busy the machine is. Where something hangs, the test sets a limit."""
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 30.0)


@pytest.fixture
def everything_works() -> None:
    for kind in heartbeats.kinds():
        heartbeats.beat(heartbeats.here(kind))


async def ask(async_client: AsyncClient) -> tuple[int, dict[str, Any]]:
    response = await async_client.get("/health/ready")
    return response.status_code, response.json()


async def test_live_looks_at_nothing(async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "report", None)
    response = await async_client.get("/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "live"})


@pytest.mark.usefixtures("everything_works")
async def test_ready_when_everything_works(async_client: AsyncClient) -> None:
    code, body = await ask(async_client)
    assert (code, body["status"], body["missing"]) == (200, "ready", [])
    assert body["version"] == hub.__version__
    assert body["checks"]["database"]["ms"] >= 0 and body["checks"]["redis"]["ms"] >= 0
    assert 0 <= body["checks"]["worker"]["age_seconds"] < 30


@pytest.mark.slow
@pytest.mark.usefixtures("everything_works")
async def test_redis_away_is_degraded(async_client: AsyncClient, redis_server: RedisServer) -> None:
    redis_server.stop()
    try:
        code, body = await ask(async_client)
    finally:
        redis_server.start()
    assert (code, body["status"], body["missing"]) == (200, "degraded", ["redis"])


@pytest.mark.usefixtures("everything_works")
@pytest.mark.parametrize("kind", ["worker", "worker-deliveries", "worker-bulk", "beat"])
async def test_old_heartbeat_is_degraded(async_client: AsyncClient, kind: str) -> None:
    await Heartbeat.objects.filter(part__startswith=f"{kind}:").aupdate(beat_at=Now() - timedelta(seconds=31))
    code, body = await ask(async_client)
    assert (code, body["status"], body["missing"]) == (200, "degraded", [kind])
    assert 31 <= body["checks"][kind]["age_seconds"] < 60


async def test_part_that_never_beat_is_missing(async_client: AsyncClient) -> None:
    code, body = await ask(async_client)
    assert (code, body["missing"]) == (200, ["worker", "worker-deliveries", "worker-bulk", "beat"])
    assert body["checks"]["worker"] == {"ok": False, "age_seconds": None}


def test_queues_of_one_name_need_one_worker(settings: Any) -> None:
    settings.HUB_DELIVERIES_QUEUE, settings.HUB_BULK_QUEUE = settings.CELERY_TASK_DEFAULT_QUEUE, ""
    assert heartbeats.kinds() == ["worker", "beat"]


async def test_database_away_is_unavailable_and_gives_nothing_away(
    async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> dict[str, float]:
        raise OperationalError("connection to server at 10.1.2.3 failed for user hub")

    monkeypatch.setattr(heartbeats, "ages", refuse)
    code, body = await ask(async_client)
    assert (code, body["status"]) == (503, "unavailable")
    assert "database" in body["missing"] and "redis" not in body["missing"]
    assert "10.1.2.3" not in str(body)


@pytest.fixture
def before_migrate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The database is that of an older version: what it does not know yet."""
    row = MigrationRecorder.Migration.objects.filter(app="hub").latest("pk")
    row.delete()
    monkeypatch.setattr(migrated, "_is_complete", False)
    yield row
    if not MigrationRecorder.Migration.objects.filter(app="hub", name=row.name).exists():
        row.save(force_insert=True)


@pytest.mark.usefixtures("everything_works")
async def test_process_is_not_ready_before_migrate_and_looks_no_more_once_it_is(
    async_client: AsyncClient, before_migrate: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        code, body = await ask(async_client)
        assert (code, body["status"]) == (503, "unavailable")
        assert "migrations" in body["missing"] and "database" not in body["missing"]
    assert "not migrated: hub" in caplog.text
    await before_migrate.asave(force_insert=True)
    assert (await ask(async_client))[1]["status"] == "ready"
    monkeypatch.setattr(migrated, "MigrationLoader", None)
    assert (await ask(async_client))[1]["status"] == "ready"


@pytest.fixture
def hanging_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A database that does not answer; the names of the threads that wait for it."""
    released = threading.Event()
    waiting: list[str] = []

    def hang() -> dict[str, float]:
        waiting.append(threading.current_thread().name)
        released.wait(20)
        return {}

    monkeypatch.setattr(heartbeats, "ages", hang)
    yield waiting
    released.set()


@pytest.mark.slow
async def test_database_that_hangs_is_unavailable_in_time(
    async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch, hanging_database: list[str]
) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 0.2)
    before = time.monotonic()
    answers = [await ask(async_client) for _ in range(3)]
    assert [code for code, _ in answers] == [503, 503, 503]
    assert time.monotonic() - before < 10  # half as long as it hangs
    # Those who ask again wait with the first, and do not hang a thread each.
    assert len(hanging_database) == 1


@pytest.mark.usefixtures("everything_works")
async def test_process_that_is_about_to_stop_is_unavailable(
    async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_draining", False)
    health.start_draining()
    code, body = await ask(async_client)
    assert (code, body["status"]) == (503, "unavailable")


def test_youngest_of_a_kind_counts() -> None:
    heartbeats.beat("worker:a")
    heartbeats.beat("worker:b")
    Heartbeat.objects.filter(part="worker:a").update(beat_at=Now() - timedelta(seconds=90))
    assert heartbeats.ages()["worker"] < 30
    assert heartbeats.fresh(["worker:a", "worker:b", "worker:c"]) == {"worker:b"}


def test_beat_again_moves_the_time() -> None:
    heartbeats.beat("beat:a")
    Heartbeat.objects.update(beat_at=Now() - timedelta(seconds=90))
    heartbeats.beat("beat:a")
    assert heartbeats.ages()["beat"] < 30
    assert Heartbeat.objects.count() == 1


def test_forgotten_part_is_silent() -> None:
    heartbeats.beat("beat:a")
    heartbeats.forget(["beat:a"])
    assert heartbeats.ages() == {}
