"""What beat has the workers do for the hub itself, and how tasks are set up."""

import os
import signal
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway
from pytest_django.fixtures import Settings

from hub import streams
from hub.accounts.models import Session
from hub.models import Heartbeat, ProcessPresence, Publication
from hub.publishing import publish
from lab.harness.redis_server import RedisServer
from tests.support.stopwatch import Stopwatch
from worker.celery import app
from worker.heartbeat import beat_from_worker
from worker.maintenance import MaintenanceTask, maintenance_tasks, prune, sweep, tidy
from worker.tasks import send_broadcast

pytestmark = pytest.mark.django_db(transaction=True)

#: Seconds that sending a task may take at most, whatever the broker does, on a busy machine. Without the hub's own
#: limits it would be five and more.
BOUND = 4.5


def test_the_sweep_runs_every_ten_seconds_and_retention_often_enough() -> None:
    intervals = {task.task.name: task.interval for task in maintenance_tasks()}
    assert intervals["worker.maintenance.sweep"] == 10
    assert intervals["worker.maintenance.prune"] <= 3600
    assert intervals["worker.maintenance.tidy"] <= 86_400


def test_the_tasks_do_what_they_are_named_after(settings: Settings) -> None:
    settings.HUB_RETENTION = {"room": {"items": 1}}
    streams.append([("room:1", "1"), ("room:1", "2")])
    Publication.objects.update(created_at=Now() - timedelta(minutes=1))
    assert sweep() == 2
    assert prune() == 1
    assert Publication.objects.get().offset == 2


def test_tidying_removes_what_has_expired_and_nothing_else() -> None:
    hour = timedelta(hours=1)
    for key, age in (("old", hour), ("new", -hour)):
        ProcessPresence.objects.create(process=key, people="{}", revision=1, expires_at=Now() - age / 120)
    for part, age in (("worker:old", 25 * hour), ("worker:new", 23 * hour)):
        Heartbeat.objects.create(part=part, beat_at=Now() - age)
    tidy()
    assert [ProcessPresence.objects.get().pk, Heartbeat.objects.get().pk] == ["new", "worker:new"]


def test_sessions_that_have_expired_are_deleted() -> None:
    for key, age in (("old", timedelta(hours=1)), ("new", -timedelta(hours=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=timezone.now() - age)
    assert prune() == 1
    assert Session.objects.get().pk == "new"


def test_a_maintenance_task_is_sent_once_an_interval_and_not_at_all_before_its_delay() -> None:
    class Sent:
        name, times = "test", 0

        def apply_async(self, **options: Any) -> None:
            assert options == {"expires": 60.0, "queue": "deliveries"}
            self.times += 1

    now, later = Sent(), Sent()
    for task, delay in ((now, 0.0), (later, 60.0)):
        periodic = MaintenanceTask(task, "deliveries", interval=60.0, delay=delay, expires=60.0)
        periodic.start()
        periodic.send_if_due()
        periodic.send_if_due()
    assert (now.times, later.times) == (1, 0)


def test_a_worker_knows_the_maintenance_tasks() -> None:
    app.loader.import_default_modules()
    assert {task.task.name for task in maintenance_tasks()} <= set(app.tasks)


def test_tasks_are_delivered_at_least_once_and_as_json_only() -> None:
    assert app.conf.task_acks_late and app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.accept_content == ["json"] and app.conf.task_serializer == "json"
    assert app.conf.task_soft_time_limit < app.conf.task_time_limit
    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        assert channel.visibility_timeout > app.conf.task_time_limit
    assert app.conf.result_backend_transport_options["visibility_timeout"] > app.conf.task_time_limit


def test_what_waits_for_a_try_again_is_not_given_to_another_worker_meanwhile() -> None:
    task: Any = send_broadcast
    visible_again = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert task.retry_backoff_max + app.conf.task_time_limit < visible_again


def send() -> float:
    """Send a task that has no row to a broker that does not work; returns the seconds until the error came."""
    with Stopwatch() as watch, pytest.raises(BrokerAway):
        beat_from_worker.delay()
    return watch.seconds


def test_sending_a_task_fails_in_time_while_the_broker_is_down(redis_server: RedisServer) -> None:
    beat_from_worker.delay()
    redis_server.stop()
    try:
        assert max(send() for _ in range(3)) < BOUND
    finally:
        redis_server.start()
    beat_from_worker.delay()


@pytest.mark.slow
def test_sending_a_task_fails_in_time_while_the_broker_hangs(redis_server: RedisServer) -> None:
    beat_from_worker.delay()
    pid = redis_server.client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert max(send() for _ in range(2)) < BOUND
    finally:
        os.kill(pid, signal.SIGCONT)
    beat_from_worker.delay()


def test_publishing_needs_no_broker(redis_server: RedisServer) -> None:
    redis_server.stop()
    try:
        with Stopwatch() as watch:
            publish("room:1", {"type": "test.happened"})
        assert watch.seconds < BOUND
    finally:
        redis_server.start()
    assert Publication.objects.get().offset == 1
