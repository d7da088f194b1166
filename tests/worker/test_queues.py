"""Alerts, other jobs and large work each have a queue, so that none waits behind another."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.test import override_settings
from django.utils import timezone

from lab.harness.waiting import wait_for
from notifications import MEMBERS, notify
from notifications.models import Distribution
from tests.support.people import make_crowd
from tests.worker.durable_tasks import overdue, retry_in
from tests.worker.running import children, lengths, run, run_all, running_worker, send_overdue_jobs, take
from tests.worker.tracked_tasks import import_customers, import_in_bulk
from worker import jobs, maintenance, queues, sending
from worker.celery import app
from worker.checks import celery_application_is_imported
from worker.jobs import JobCall
from worker.maintenance import maintenance_tasks
from worker.models import Job, TrackedJob
from worker.operations import joining, waiting
from worker.scheduling import regular_tasks
from worker.tasks import distribute, send_broadcast, send_scheduled

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]

NOTHING = {"default": 0, "deliveries": 0, "bulk": 0, "celery": 0}


def test_alerts_have_a_queue_of_their_own_and_jobs_name_theirs() -> None:
    send_broadcast.delay("Hello")
    distribute.delay(1)
    send_scheduled.delay(1, "2026-01-31T09:00:00+00:00")
    import_customers.delay(1)
    import_in_bulk.delay(1)
    import_customers.apply_async((1,), queue="bulk")
    import_in_bulk.apply_async((1,), queue="default")
    assert lengths() == {"default": 2, "deliveries": 3, "bulk": 2, "celery": 0}
    by_queue = {name: Job.objects.filter(queue=name).count() for name in lengths()}
    assert by_queue == {"default": 2, "deliveries": 3, "bulk": 2, "celery": 0}


def test_regular_tasks_go_where_alerts_go_but_for_slow_ones_and_outboxes() -> None:
    where = {task.task.name.rpartition(".")[2]: task.queue for task in maintenance_tasks()}
    assert {name for name, queue in where.items() if queue is None} == {
        "send_overdue_jobs",
        "compare_schedules",
        "prune",
        "tidy",
    }
    assert [name for name, queue in where.items() if queue == "bulk"] == ["send_overdue_bulk"]
    assert (where["send_overdue_deliveries"], where["send_due_schedules"]) == ("deliveries", "deliveries")


def test_each_outbox_sends_what_its_own_queue_has_lost() -> None:
    for task in (send_broadcast, import_customers, import_in_bulk):
        task.apply_async((1,) if task is not send_broadcast else ("Hello",))
    while take() is not None:
        pass
    overdue()
    assert maintenance.send_overdue_bulk() == 1
    assert lengths() == {**NOTHING, "bulk": 1}
    assert maintenance.send_overdue_deliveries() == 1
    assert lengths() == {**NOTHING, "bulk": 1, "deliveries": 1}
    assert maintenance.send_overdue_jobs() == 1
    assert lengths() == {**NOTHING, "bulk": 1, "deliveries": 1, "default": 1}


def test_jobs_and_messages_of_before_there_were_queues_run() -> None:
    call = jobs.store(JobCall("before", "tests.import_customers", [1], {}, {}))
    Job.objects.filter(pk="before").update(queue="", options="{}")
    app.send_task(call.task, [1], {}, task_id="before", queue="celery", headers={sending.MARK: call.nonce})
    assert run_all() == ["SUCCESS"]
    assert not Job.objects.exists()
    jobs.store(JobCall("lost", "tests.import_customers", [1], {}, {}))
    Job.objects.update(queue="", options="{}")
    overdue()
    assert send_overdue_jobs() == 1
    assert lengths() == {**NOTHING, "default": 1}
    assert run_all() == ["SUCCESS"]


def test_notification_to_very_many_goes_on_in_another_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifications.sending.distributing.BATCH", 2)
    monkeypatch.setattr("worker.tasks.FIRST_TURN", 0.0)
    make_crowd("many", 6)
    notify(to=MEMBERS, message="Hello")
    assert lengths() == {**NOTHING, "deliveries": 1}
    message = take()
    assert run(message) == "SUCCESS"
    assert lengths() == {**NOTHING, "default": 1}
    assert Distribution.objects.get().finished_at is None
    assert run_all() == ["SUCCESS"]  # with the long turn of any other queue
    assert Distribution.objects.get().finished_at is not None


@pytest.mark.parametrize("purpose", ["deliveries", "bulk"])
def test_without_names_all_go_to_the_default_queue_of_the_application(settings: Any, purpose: str) -> None:
    settings.HUB_DELIVERIES_QUEUE = settings.HUB_BULK_QUEUE = ""
    assert queues.ours() == ["default"]
    assert queues.separate() == set()
    assert {task.queue for task in maintenance_tasks()} == {None}
    names = {task.name for task in regular_tasks()}
    assert "worker.maintenance.send_overdue_jobs" in names
    assert f"worker.maintenance.send_overdue_{purpose}" not in names


@pytest.mark.parametrize("name", ["default", "deliveries", "bulk"])
def test_inside_a_project_its_own_queue_of_such_a_name_is_meant(
    settings: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    settings.HUB_DELIVERIES_QUEUE = settings.HUB_BULK_QUEUE = ""
    own = Celery("shop", broker="memory://", set_as_current=False)
    own.conf.update(task_default_queue="shop")
    own.tasks.register(import_in_bulk)
    own.tasks.register(send_broadcast)
    monkeypatch.setattr(queues, "application", lambda: own)
    assert queues.placed("any", {"queue": name}) == {"queue": "shop"}
    assert queues.placed("tests.import_in_bulk", {}) == {}
    own.conf.task_queues = {"shop": {}, name: {}}
    assert queues.placed("any", {"queue": name}) == {"queue": name}
    assert queues.placed("tests.import_in_bulk", {}) == ({"queue": "bulk"} if name == "bulk" else {})
    assert queues.placed("worker.tasks.send_broadcast", {}) == {}  # alerts go where they went before


def test_routes_of_the_application_hold_where_nothing_names_a_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Celery("shop", broker="memory://", set_as_current=False)
    own.conf.update(task_default_queue="shop", task_routes={"worker.tasks.distribute": {"queue": "fast"}})
    monkeypatch.setattr(queues, "application", lambda: own)
    assert queues.route_of("worker.tasks.distribute", {}) == "fast"
    assert queues.route_of("worker.tasks.distribute", {"queue": "named"}) == "named"
    assert queues.route_of("worker.tasks.send_scheduled", {}) == "shop"
    assert queues.route_of("any", {"exchange": "theirs"}) == ""


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (None, ["hub.W039", "hub.W039"]),
        ({"shop": {}, "deliveries": {}}, ["hub.W039"]),
        ({"deliveries": {}, "bulk": {}}, []),
    ],
)
def test_queue_that_no_worker_reads_by_itself_is_told(
    monkeypatch: pytest.MonkeyPatch, declared: Any, said: list[str]
) -> None:
    own = Celery("shop", broker="memory://", set_as_current=False)
    own.conf.update(task_default_queue="shop", task_queues=declared)
    monkeypatch.setattr("worker.checks.application", lambda: own)
    found = [one for one in celery_application_is_imported(None) if one.id == "hub.W039"]
    assert [one.id for one in found] == said
    assert all("-Q" in str(one.hint) for one in found)


@pytest.mark.slow
def test_queue_full_of_large_work_holds_up_no_alert(data_dir: Path, tmp_path: Path) -> None:
    """A worker for each queue, as ``make run`` has them: the alert goes out while imports wait."""
    for _ in range(20):
        import_in_bulk.delay(1)
    include = "tests.worker.tracked_tasks"
    with running_worker(data_dir, tmp_path / "deliveries.log", include=include, queues="deliveries") as alerts:
        send_broadcast.delay("Hello")
        wait_for(lambda: not Job.objects.filter(queue="deliveries").exists(), timeout=60, that="the alert is sent")
        assert Job.objects.filter(queue="bulk").count() == 20
        with running_worker(data_dir, tmp_path / "bulk.log", include=include, queues="bulk") as bulk:
            wait_for(lambda: not Job.objects.exists(), timeout=60, that="the imports are done")
            # It leaves the processor to others, as does what it has forked.
            ours = os.getpriority(os.PRIO_PROCESS, alerts.pid)
            nicer = [os.getpriority(os.PRIO_PROCESS, pid) - ours for pid in (bulk.pid, *children(bulk))]
            assert set(nicer) == {joining.NICE}
    assert TrackedJob.objects.filter(state="succeeded").count() == 20


def test_job_says_its_queue_by_what_it_is_for(settings: Any) -> None:
    settings.HUB_BULK_QUEUE = "imports"
    assert queues.placed("tests.import_in_bulk", {}) == {"queue": "imports"}
    assert queues.placed("tests.import_in_bulk", {"queue": "reports"}) == {"queue": "reports"}
    assert queues.placed("tests.import_in_bulk", {"exchange": "theirs"}) == {"exchange": "theirs"}
    with override_settings(HUB_FANOUT_QUEUE="bulk"):
        assert queues.fan_out() == "imports"


def test_alert_for_later_goes_to_the_queue_that_there_is_when_it_is_due(settings: Any) -> None:
    settings.HUB_DELIVERIES_QUEUE = "alerts"
    eta = timezone.now() + timedelta(days=60)
    send_broadcast.apply_async(("Hello",), eta=eta)
    import_in_bulk.apply_async((1,), queue="deliveries", eta=eta)
    import_in_bulk.apply_async((1,), queue="alerts", eta=eta)  # a queue of this name is meant
    assert set(Job.objects.values_list("queue", flat=True)) == {"alerts"}
    settings.HUB_DELIVERIES_QUEUE = "deliveries"
    now = timezone.now()
    Job.objects.update(send_at=now, due_at=now)
    assert send_overdue_jobs() == 3
    assert lengths() == {**NOTHING, "deliveries": 2}
    assert sorted(Job.objects.values_list("queue", flat=True)) == ["alerts", "deliveries", "deliveries"]


def test_failed_job_runs_again_in_the_queue_that_there_is(settings: Any) -> None:
    settings.HUB_DELIVERIES_QUEUE = "alerts"
    send_broadcast.delay("Hello")
    job = Job.objects.get()
    jobs.fail(job.pk, "no worker")
    settings.HUB_DELIVERIES_QUEUE = "deliveries"
    assert sending.retry([job.pk]) == 1
    assert lengths() == {**NOTHING, "deliveries": 1}
    assert Job.objects.get().queue == "deliveries"


@pytest.mark.parametrize("atomic", [False, True])
def test_next_try_says_its_queue_as_the_call_did(settings: Any, atomic: bool) -> None:
    settings.HUB_BULK_QUEUE = "celery"
    retry_in.apply_async((1,), {"atomic": atomic}, queue="bulk")
    message = take()
    settings.HUB_BULK_QUEUE = "bulk"
    assert run(message) == "RETRY"
    job = Job.objects.get()
    assert (json.loads(job.options)["queue"], job.queue) == ("bulk", "bulk")
    assert lengths() == {**NOTHING, "bulk": 1}


def test_next_try_says_when_it_was_sent_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, now = time.time() - 7200, time.time
    with monkeypatch.context() as patch:
        patch.setattr("worker.operations.joining.time.time", lambda: sent)
        retry_in.apply_async((1,), queue="bulk")
    assert waiting.look(["bulk"])["bulk"].age == pytest.approx(7200, abs=60)
    assert run(take()) == "RETRY"
    assert "headers" not in json.loads(Job.objects.get().options)
    assert waiting.look(["bulk"])["bulk"].since == pytest.approx(now(), abs=60)
