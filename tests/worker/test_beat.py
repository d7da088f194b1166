"""The scheduler: what it notices, what it shows, and what does not stop it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, PeriodicTasks
from kombu.exceptions import OperationalError as BrokerAway

from hub.database import heartbeats
from hub.models import Lease
from lab.harness.redis_server import RedisServer
from tests.support.stopwatch import Stopwatch
from tests.worker.running import lengths, waiting
from worker import jobs
from worker.beat import BEAT_INTERVAL, HubEntry, HubScheduler
from worker.celery import app
from worker.heartbeat import beat_from_worker
from worker.models import Job
from worker.tasks import send_broadcast

pytestmark = pytest.mark.django_db(transaction=True)

TASK = send_broadcast.name


@pytest.fixture
def scheduler() -> HubScheduler:
    return HubScheduler(app=app)


@pytest.fixture
def every_hour() -> IntervalSchedule:
    return IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)


def test_first_schedule_of_a_new_database_is_picked_up_on_the_next_tick(
    scheduler: HubScheduler, every_hour: IntervalSchedule
) -> None:
    scheduler.tick()
    assert list(scheduler.schedule) == []
    PeriodicTask.objects.create(name="new", task=TASK, interval=every_hour)
    scheduler.tick()
    assert list(scheduler.schedule) == ["new"]


def test_change_made_on_a_host_whose_clock_is_behind_is_picked_up(
    scheduler: HubScheduler, every_hour: IntervalSchedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = PeriodicTask.objects.create(name="row", task=TASK, interval=every_hour)
    scheduler.tick()
    monkeypatch.setattr("django_celery_beat.models.now", lambda: timezone.now() - timedelta(hours=1))
    row.enabled = False
    row.save()
    scheduler.tick()
    assert list(scheduler.schedule) == []


def test_change_is_looked_for_often_enough(scheduler: HubScheduler) -> None:
    assert scheduler.max_interval <= 5
    assert scheduler.tick() <= 5


def test_row_that_cannot_be_read_does_not_stop_the_others(
    scheduler: HubScheduler, every_hour: IntervalSchedule
) -> None:
    PeriodicTask.objects.create(name="headers", task=TASK, interval=every_hour, headers="[]")
    PeriodicTask.objects.create(name="hour", task=TASK, crontab=CrontabSchedule.objects.create(hour="no hour"))
    PeriodicTask.objects.create(name="fine", task=TASK, interval=every_hour)
    scheduler.tick()
    assert list(scheduler.schedule) == ["fine"]


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Pacific/Kiritimati", "America/St_Johns"])
def test_schedule_of_every_hour_and_zone_is_known(scheduler: HubScheduler, zone: str) -> None:
    for hour in range(24):
        crontab = CrontabSchedule.objects.create(minute="30", hour=str(hour), timezone=zone)
        PeriodicTask.objects.create(name=str(hour), task=TASK, crontab=crontab)
    scheduler.tick()
    assert len(scheduler.schedule) == 24


def test_due_row_is_sent_and_its_run_written_down_at_once(
    redis_server: RedisServer, every_hour: IntervalSchedule
) -> None:
    due = timezone.now() - timedelta(hours=2)
    row = PeriodicTask.objects.create(
        name="due", task=TASK, interval=every_hour, last_run_at=due, kwargs='{"message": "m"}'
    )
    scheduler = HubScheduler(app=app)
    scheduler.maintenance = []
    scheduler.tick()
    scheduler.tick()
    assert waiting() == 1
    row.refresh_from_db()
    assert row.total_run_count == 1 and row.last_run_at and row.last_run_at > due + timedelta(hours=1)


def test_no_row_of_the_library_appears_in_the_admin(scheduler: HubScheduler) -> None:
    scheduler.tick()
    assert not PeriodicTask.objects.exists()


def test_tick_shows_life_and_asks_the_workers_for_theirs(scheduler: HubScheduler, redis_server: RedisServer) -> None:
    scheduler.tick()
    scheduler.tick()
    assert list(heartbeats.ages()) == ["beat"]
    # Heartbeat, sweeper, lost jobs, distributions, expired and snoozed alerts, schedules, once each; and overdue jobs
    # once for each queue but that of large work, which nobody reads.
    assert lengths() == {"default": 1, "deliveries": 8, "bulk": 0, "celery": 0}


def test_broker_that_is_away_does_not_stop_beat(
    scheduler: HubScheduler, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise BrokerAway("connection refused")

    monkeypatch.setattr(beat_from_worker, "apply_async", away)
    assert scheduler.tick() <= BEAT_INTERVAL
    assert list(heartbeats.ages()) == ["beat"]


@pytest.mark.parametrize(
    "broken", ["hub.database.heartbeats.beat", "django_celery_beat.schedulers.DatabaseScheduler.tick"]
)
def test_database_that_is_away_does_not_stop_beat(
    scheduler: HubScheduler, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(broken, away)
    assert 0 <= scheduler.tick() <= BEAT_INTERVAL


def test_worker_heartbeat_is_of_this_host() -> None:
    run: Callable[[], None] = beat_from_worker
    run()
    assert heartbeats.fresh([heartbeats.here("worker-deliveries")])
    assert not heartbeats.fresh([heartbeats.here(heartbeats.WORKER)])  # of the default queue it says nothing


@pytest.fixture
def two_beats() -> tuple[HubScheduler, HubScheduler]:
    beats = HubScheduler(app=app), HubScheduler(app=app)
    for beat in beats:
        beat.maintenance = []
    return beats


def due_row(every: IntervalSchedule) -> Any:
    return PeriodicTask.objects.create(
        name="due",
        task=TASK,
        interval=every,
        kwargs='{"message": "m"}',
        last_run_at=timezone.now() - timedelta(hours=2),
    )


def lease_has_expired() -> None:
    """As when the one that holds it was killed and the time is over."""
    Lease.objects.update(expires_at=Now() - timedelta(seconds=1))


def test_of_two_beats_one_sends_and_the_other_shows_life(
    two_beats: tuple[HubScheduler, HubScheduler], redis_server: RedisServer, every_hour: IntervalSchedule
) -> None:
    first, second = two_beats
    first.tick()
    due_row(every_hour)
    heartbeats.forget([heartbeats.here(heartbeats.BEAT)])
    for _ in range(3):
        second.tick()
    assert waiting() == 0
    assert list(heartbeats.ages()) == ["beat"]
    first.tick()
    assert waiting() == 1


def test_second_beat_sends_no_maintenance_tasks(redis_server: RedisServer) -> None:
    HubScheduler(app=app).tick()
    before = waiting()
    HubScheduler(app=app).tick()
    assert waiting() == before


def test_a_beat_that_was_killed_is_followed_by_another_which_repeats_no_run(
    two_beats: tuple[HubScheduler, HubScheduler], redis_server: RedisServer, every_hour: IntervalSchedule
) -> None:
    due_row(every_hour)
    killed, other = two_beats
    killed.tick()
    other.tick()
    lease_has_expired()
    for _ in range(3):
        other.tick()
    assert waiting() == 1
    PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(hours=2))
    PeriodicTasks.update_changed()
    for _ in range(3):
        other.tick()
    assert waiting() == 2


def test_a_beat_that_slept_past_its_lease_sends_nothing_twice(
    two_beats: tuple[HubScheduler, HubScheduler],
    redis_server: RedisServer,
    every_hour: IntervalSchedule,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    due_row(every_hour)
    sleeper, other = two_beats
    sleeper.max_interval = other.max_interval = 1
    sleeper._may_send()
    assert list(sleeper.schedule) == ["due"]  # read, and then it sleeps
    lease_has_expired()
    other.tick()
    assert waiting() == 1
    monkeypatch.setattr(sleeper, "_may_send", lambda: True)  # it wakes in the middle of a tick
    for _ in range(3):
        sleeper.tick()
    assert waiting() == 1


def test_a_beat_that_ends_gives_way_at_once(
    two_beats: tuple[HubScheduler, HubScheduler], redis_server: RedisServer, every_hour: IntervalSchedule
) -> None:
    first, second = two_beats
    first.tick()
    first.close()
    due_row(every_hour)
    second.tick()
    assert waiting() == 1


@pytest.mark.slow
def test_what_is_due_while_the_broker_is_away_goes_out_once_when_it_is_back(
    redis_server: RedisServer, every_hour: IntervalSchedule
) -> None:
    row = due_row(every_hour)
    scheduler = HubScheduler(app=app)
    scheduler.maintenance = []
    redis_server.stop()
    try:
        with Stopwatch() as watch:
            for _ in range(2):
                assert scheduler.tick() > 1  # it does not ask again and again
        assert watch.seconds < 5
    finally:
        redis_server.start()
    row.refresh_from_db()
    assert row.total_run_count == 0
    for _ in range(3):
        scheduler.tick()
    assert waiting() == 1


def test_a_plain_task_is_sent_once_for_a_due_time_and_has_no_row(
    redis_server: RedisServer, every_hour: IntervalSchedule
) -> None:
    row = due_row(every_hour)
    PeriodicTask.objects.update(task="worker.maintenance.sweep", kwargs="{}")
    scheduler = HubScheduler(app=app)
    scheduler.maintenance = []
    for _ in range(3):
        scheduler.tick()
    row.refresh_from_db()
    assert (row.total_run_count, waiting()) == (1, 1)
    assert not Job.objects.filter(failed_at=None).exists()


def test_arguments_that_do_not_fit_cost_their_own_schedule_one_due_time_only(
    redis_server: RedisServer, every_hour: IntervalSchedule
) -> None:
    bad = due_row(every_hour)
    PeriodicTask.objects.update(name="bad", kwargs='{"colour": "red"}')
    due_row(every_hour)
    scheduler = HubScheduler(app=app)
    scheduler.maintenance = []
    for _ in range(4):
        scheduler.tick()
    bad.refresh_from_db()
    assert bad.total_run_count == 1
    assert waiting() == Job.objects.filter(failed_at=None).count() == 1


def test_a_due_time_whose_job_the_database_did_not_take_is_not_claimed_and_goes_out_later(
    redis_server: RedisServer, every_hour: IntervalSchedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = due_row(every_hour)
    scheduler = HubScheduler(app=app)
    scheduler.maintenance = []

    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "store", away)
        assert scheduler.tick() > 0
    row.refresh_from_db()
    assert (row.total_run_count, Job.objects.count()) == (0, 0)
    for _ in range(3):
        scheduler.tick()
    row.refresh_from_db()
    assert (row.total_run_count, waiting()) == (1, 1)


def told(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """What beat has said of due times that passed without a run: the schedule, how many, the first and the last."""
    lines = [line.msg for line in caplog.records if isinstance(line.msg, dict)]
    names = ("periodic_task", "times", "first", "last")
    return [tuple(line[name] for name in names) for line in lines if line["event"] == "due_times_missed"]


def let_beat_run() -> None:
    scheduler = HubScheduler(app=app)
    scheduler.maintenance = []
    for _ in range(3):
        scheduler.tick()


@pytest.mark.parametrize("task", [TASK, "worker.maintenance.sweep"])
def test_due_times_that_passed_without_a_run_are_told_with_the_name_of_their_schedule(
    every_hour: IntervalSchedule, caplog: pytest.LogCaptureFixture, task: str
) -> None:
    ran_at = timezone.now().replace(microsecond=0) - timedelta(hours=5, minutes=1)
    kwargs = '{"message": "m"}' if task == TASK else "{}"
    PeriodicTask.objects.create(name="hourly", task=task, interval=every_hour, kwargs=kwargs, last_run_at=ran_at)
    let_beat_run()
    first, last = (ran_at + timedelta(hours=hours) for hours in (1, 4))
    assert told(caplog) == [("hourly", 4, first.isoformat(), last.isoformat())]  # the fifth has run


def test_a_due_time_that_is_made_up_for_is_not_told_as_missed(
    every_hour: IntervalSchedule, caplog: pytest.LogCaptureFixture
) -> None:
    ran_at = timezone.now() - timedelta(hours=1, minutes=59)
    PeriodicTask.objects.create(
        name="hourly", task=TASK, interval=every_hour, kwargs='{"message": "m"}', last_run_at=ran_at
    )
    let_beat_run()
    assert Job.objects.count() == 1
    assert told(caplog) == []


@pytest.mark.parametrize(
    ("zone", "since", "until", "missed"),
    [
        ("UTC", "2026-11-20T09:25:01Z", "2026-11-23T10:00:00Z", ["21T09:25", "22T09:25"]),
        ("Asia/Kolkata", "2026-11-20T03:55:01Z", "2026-11-23T04:00:00Z", ["21T03:55", "22T03:55"]),
        ("UTC", "2026-11-20T09:25:01Z", "2026-11-21T09:25:00Z", []),
        ("UTC", None, "2026-11-21T09:25:00Z", []),
    ],
)
def test_due_times_of_a_crontab_are_those_of_its_time_zone(
    zone: str, since: str | None, until: str, missed: list[str]
) -> None:
    crontab = CrontabSchedule.objects.create(minute="25", hour="9", timezone=zone)
    row = PeriodicTask.objects.create(name="daily", task=TASK, crontab=crontab)
    row.date_changed = datetime(2026, 11, 1, tzinfo=UTC) if since else datetime.fromisoformat(until)
    row.last_run_at = datetime.fromisoformat(since) if since else None
    entry = HubEntry(row, app=app)
    entry.model.last_run_at = datetime.fromisoformat(until)
    assert [f"{moment:%dT%H:%M}" for moment in entry.missed()] == missed


@pytest.mark.slow
def test_due_times_that_passed_are_counted_up_to_a_thousand(every_hour: IntervalSchedule) -> None:
    every_minute = CrontabSchedule.objects.create(timezone="Europe/Berlin")  # where clocks showed an hour twice
    for schedule in ({"interval": every_hour}, {"crontab": every_minute}):
        row = PeriodicTask(name="often", task=TASK, **schedule)
        row.date_changed = datetime(2026, 10, 1, tzinfo=UTC)
        row.last_run_at = datetime(2026, 10, 25, tzinfo=UTC)
        entry = HubEntry(row, app=app)
        entry.model.last_run_at = datetime(2026, 12, 25, tzinfo=UTC)
        assert len(entry.missed()) == 1000
