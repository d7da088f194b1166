"""Queues that are paused and workers that are drained, with real workers and a real Redis."""

import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from hub.database import heartbeats
from hub.models import Heartbeat
from lab.harness.waiting import wait_for
from notifications.models import Notification
from tests.worker.durable_tasks import overdue
from tests.worker.running import lengths, run_all, running_worker, send_overdue_jobs, take
from tests.worker.tracked_tasks import import_customers, import_in_bulk, wait
from worker import maintenance
from worker.maintenance import maintenance_tasks
from worker.models import Job, TrackedJob
from worker.operations import pausing, reports, snapshot
from worker.operations.models import DrainedWorker, PausedQueue
from worker.operations.reports import WorkerReport
from worker.operations.waiting import look
from worker.tasks import send_broadcast
from worker.tracking import cancelling

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]

TASKS = "tests.worker.tracked_tasks"


def only_report() -> WorkerReport | None:
    found = reports.read()
    return found[0] if len(found) == 1 else None


def is_off(*queues: str) -> bool:
    report = only_report()
    return report is not None and report.off == queues


def owed(queue: str) -> int:
    return Job.objects.filter(queue=queue).count()


@pytest.mark.slow
def test_alerts_of_a_paused_queue_wait_through_a_restart_and_go_out_when_it_is_resumed(
    data_dir: Path, tmp_path: Path
) -> None:
    with running_worker(data_dir, tmp_path / "first.log", include=TASKS) as worker:
        wait_for(is_off, timeout=60, that="the worker reports")
        assert pausing.pause("deliveries")
        wait_for(lambda: is_off("deliveries"), that="it reads the queue no more")
        for number in range(3):
            send_broadcast.delay(f"Alert {number}")
        import_customers.delay(1)
        wait_for(lambda: owed("default") == 0, timeout=20, that="the other queues go on")
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(30)
    with running_worker(data_dir, tmp_path / "second.log", include=TASKS):
        wait_for(lambda: any(one.off for one in reports.read()), timeout=60, that="another worker knows of it")
        import_customers.delay(1)
        wait_for(lambda: owed("default") == 0, timeout=20, that="it works")
        assert (owed("deliveries"), lengths()["deliveries"], Notification.objects.count()) == (3, 3, 0)
        assert pausing.resume("deliveries")
        wait_for(lambda: Notification.objects.count() == 3, timeout=20, that="the alerts go out")
        wait_for(lambda: not Job.objects.exists(), timeout=20, that="nothing is owed")


@pytest.mark.slow
def test_drained_worker_finishes_what_it_has_and_takes_nothing_new(data_dir: Path, tmp_path: Path) -> None:
    wait.delay()
    with running_worker(data_dir, tmp_path / "worker.log", include=TASKS):
        wait_for(lambda: TrackedJob.objects.filter(total=1).exists(), timeout=60, that="a job runs")
        wait_for(lambda: len(running()) == 1, that="it reports the job")
        assert running() == ["tests.wait"]
        (report,) = reports.read()
        assert pausing.drain(report.run)
        wait_for(lambda: is_off(*sorted(lengths())), that="it reads nothing")
        import_customers.delay(1)
        import_in_bulk.delay(1)
        assert TrackedJob.objects.get(task="tests.wait").state == "running"
        cancelling.cancel(TrackedJob.objects.get(task="tests.wait"))
        wait_for(lambda: running() == [], that="it has finished")
        assert (owed("default"), owed("bulk")) == (1, 1)
        assert pausing.undrain(report.run)
        wait_for(lambda: not Job.objects.exists(), timeout=20, that="it takes work again")


@pytest.mark.slow
def test_worker_shows_itself_for_the_queues_that_it_reads(data_dir: Path, tmp_path: Path) -> None:
    """Health names the queue whose worker is gone. Workers of the others say nothing of it."""
    with running_worker(data_dir, tmp_path / "worker.log", queues="bulk"):
        wait_for(lambda: "worker-bulk" in heartbeats.ages(), timeout=60, that="it has started")
        heartbeats.forget([heartbeats.here("worker-bulk")])
        wait_for(lambda: "worker-bulk" in heartbeats.ages(), timeout=30, that="it goes on to show itself")
        assert set(heartbeats.ages()) == {"worker-bulk"}


def running() -> list[str]:
    return [task.task for report in reports.read() for task in report.running]


def test_paused_and_resumed_is_told_once() -> None:
    assert [pausing.pause("bulk"), pausing.pause("bulk")] == [True, False]
    assert pausing.paused() == {"bulk"}
    assert [pausing.resume("bulk"), pausing.resume("bulk")] == [True, False]
    assert not PausedQueue.objects.exists()
    assert [pausing.drain("a run"), pausing.drain("a run"), pausing.is_drained("a run")] == [True, False, True]
    assert [pausing.undrain("a run"), pausing.undrain("a run")] == [True, False]
    assert not DrainedWorker.objects.exists()


def test_jobs_of_a_paused_queue_are_not_sent_again_and_again() -> None:
    import_customers.apply_async((1,), queue="theirs")
    import_customers.delay(1)
    while take() is not None:
        pass
    pausing.pause("theirs")
    overdue()
    assert maintenance.send_overdue_jobs() == 1
    assert lengths()["default"] == 1
    pausing.resume("theirs")
    overdue()
    assert send_overdue_jobs() == 2
    assert run_all()


def test_beat_sends_no_regular_task_into_a_paused_queue() -> None:
    pausing.pause("deliveries")
    for task in maintenance_tasks():
        task.due_at = 0.0
        task.send_if_due()
    found = lengths()
    assert (found["deliveries"], found["bulk"]) == (0, 0)
    assert found["default"] > 0


def test_beat_sends_no_regular_task_into_a_queue_of_large_work_that_nobody_reads() -> None:
    (outbox,) = (task for task in maintenance_tasks() if task.queue == "bulk")
    for part, sent in (("worker:alpha", 0), ("worker-bulk:alpha", 1)):
        heartbeats.beat(part)
        outbox.due_at = 0.0
        outbox.send_if_due()
        assert lengths()["bulk"] == sent
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=1))
    outbox.due_at = 0.0
    outbox.send_if_due()
    assert lengths()["bulk"] == 1


def test_oldest_message_of_a_queue_says_how_long_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(["bulk", "none"]) == {"bulk": look(["bulk"])["bulk"], "none": look(["none"])["none"]}
    assert (look(["none"])["none"].length, look(["none"])["none"].age) == (0, 0.0)
    with monkeypatch.context() as patch:
        patch.setattr("worker.operations.joining.time", type("Clock", (), {"time": staticmethod(lambda: 1000.0)}))
        import_in_bulk.delay(1)
    import_in_bulk.delay(1)
    found = look(["bulk"])["bulk"]
    assert (found.length, found.since) == (2, 1000.0)
    assert found.age > 1_000_000


def test_what_a_message_of_others_says_is_no_error(redis_server: Any) -> None:
    (key,) = {"hub:celery:bulk"}
    redis_server.client.rpush(key, b"\xff no JSON")
    try:
        assert look(["bulk"])["bulk"].since is None
    finally:
        redis_server.client.delete(key)


def test_report_that_is_not_heard_again_vanishes(redis_server: Any) -> None:
    report = WorkerReport("run-1", "worker@a", ("default",), (), is_drained=False, concurrency=1, started=0.0)
    reports.write(report)
    assert reports.read() == [report]
    ttl = redis_server.client.ttl("hub:worker:run-1")
    assert 0 < ttl <= reports.LIFETIME
    redis_server.client.set("hub:worker:run-1", b"of another version")
    assert reports.read() == []
    redis_server.client.delete("hub:worker:run-1")
    assert reports.read() == []
    assert redis_server.client.smembers("hub:workers") == set()


def test_without_redis_the_page_has_what_the_database_knows(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HUB_REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr("worker.operations.waiting.application", _Away)
    snapshot.forget()
    pausing.pause("bulk")
    found = snapshot.current()
    assert found.workers is None
    assert [(one.name, one.waiting, one.readers, one.is_paused) for one in found.queues] == [
        ("default", None, None, False),
        ("deliveries", None, None, False),
        ("bulk", None, None, True),
    ]


class _Away:
    def connection_for_read(self) -> Any:
        raise ConnectionRefusedError
