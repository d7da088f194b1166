"""What a clock that was wrong leaves behind does not stop the schedules."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from hub.database import heartbeats
from hub.models import Heartbeat
from lab.harness.waiting import wait_for
from worker.beat import HubScheduler
from worker.celery import app
from worker.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def row() -> PeriodicTask:
    """Due every two seconds; it ran tomorrow."""
    schedule = IntervalSchedule.objects.create(every=2, period=IntervalSchedule.SECONDS)
    return PeriodicTask.objects.create(
        name="row",
        task="worker.tasks.send_broadcast",
        interval=schedule,
        kwargs='{"message": "x"}',
        last_run_at=timezone.now() + timedelta(days=1),
    )


def ticks(scheduler: HubScheduler, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(min(scheduler.tick(), max(0.0, deadline - time.monotonic())))


def runs(row: PeriodicTask) -> int:
    row.refresh_from_db()
    return int(row.total_run_count)


@pytest.mark.slow
def test_row_that_ran_in_the_future_is_due_after_its_interval(row: PeriodicTask) -> None:
    began = time.monotonic()
    scheduler = HubScheduler(app=app)

    def has_run() -> bool:
        ticks(scheduler, 0.5)
        return runs(row) > 0

    wait_for(has_run, that="it is due")
    assert row.total_run_count <= (time.monotonic() - began) / 2
    assert row.last_run_at is not None and row.last_run_at <= timezone.now()


@pytest.mark.slow
def test_rows_that_are_read_again_count_on_from_where_they_did(row: PeriodicTask) -> None:
    began = time.monotonic()
    scheduler = HubScheduler(app=app)

    def has_run() -> bool:
        scheduler._read_again()
        ticks(scheduler, 1)
        return runs(row) > 0

    wait_for(has_run, that="it is due, though its rows are read again before")
    has_run()
    assert row.total_run_count <= (time.monotonic() - began) / 2


def test_clock_that_is_set_back_while_beat_runs_makes_it_read_the_rows_again(
    row: PeriodicTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    PeriodicTask.objects.update(last_run_at=timezone.now())
    scheduler = HubScheduler(app=app)
    scheduler.tick()
    PeriodicTask.objects.update(last_run_at=timezone.now() + timedelta(days=1))
    right = time.time
    monkeypatch.setattr("worker.clock.time.time", lambda: right() - 3600)
    scheduler.tick()
    entry = scheduler.schedule["row"]
    assert entry.ran_at > timezone.now() >= entry.last_run_at


def test_small_corrections_of_a_clock_are_no_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, right = Clock(), time.time
    monkeypatch.setattr("worker.clock.time.time", lambda: right() - 30)
    assert clock.was_set_back() == 0
    monkeypatch.setattr("worker.clock.time.time", lambda: right() - 130)
    assert clock.was_set_back() == pytest.approx(100, abs=1)
    assert clock.was_set_back() == 0


def test_heartbeat_from_the_future_is_as_good_as_one_that_is_as_old() -> None:
    Heartbeat.objects.create(part="worker:a", beat_at=timezone.now() + timedelta(hours=1))
    assert heartbeats.ages()["worker"] == pytest.approx(3600, abs=5)
    assert heartbeats.fresh(["worker:a"]) == set()
