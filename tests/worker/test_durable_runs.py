"""Durable tasks, the run: it is shown while it lasts, and its end, however it ends, settles what is owed."""

import json
import threading
import time
from typing import Any

import pytest
from celery import chain
from celery.exceptions import TimeLimitExceeded
from django.db import OperationalError, connection

from lab.harness.redis_server import RedisServer
from lab.harness.waiting import wait_for
from notifications.models import Notification
from tests.worker.durable_tasks import (
    fail,
    ignore,
    linger,
    overdue,
    record,
    reject,
    replace,
    replace_by_itself,
    replace_by_two,
    retry_in,
    runs,
    seconds_until_sent,
    watched,
)
from tests.worker.running import (
    run,
    run_all,
    send_overdue_jobs,
    shows_no_job,
    take,
    waiting,
)
from worker import job_heartbeats, jobs, sending
from worker.models import Job
from worker.tasks import send_broadcast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


def test_a_job_that_runs_is_not_sent_again_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_INTERVAL", 0.02)
    monkeypatch.setattr(job_heartbeats, "_thread", None)  # one of another test may sleep for long
    linger.delay()
    job = Job.objects.get()
    assert run_all() == ["SUCCESS"]
    assert runs == ["held", "held"]
    wait_for(shows_no_job, that="nothing is held any more")
    assert not Job.objects.filter(pk=job.pk).exists()


def test_a_run_whose_beginning_could_not_be_stored_is_held_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_INTERVAL", 0.02)
    monkeypatch.setattr(job_heartbeats, "_thread", None)
    begin, failures = jobs.begin, iter([OperationalError("database is locked"), RuntimeError("of any kind")])

    def busy(*run: Any) -> bool:
        if error := next(failures, None):
            raise error
        return begin(*run)

    monkeypatch.setattr(jobs, "begin", busy)
    watched.delay()
    assert run_all() == ["SUCCESS"]
    assert not Job.objects.exists()
    assert not job_heartbeats._running and not job_heartbeats._not_begun


def test_a_job_that_runs_twice_in_a_process_is_held_until_both_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_INTERVAL", 0.02)
    monkeypatch.setattr(job_heartbeats, "_thread", None)
    record.delay(1)
    job = Job.objects.get()
    assert jobs.begin(job.id)
    for _ in range(2):
        job_heartbeats.start(job.id)
    job_heartbeats.release(job.id)
    overdue()
    wait_for(lambda: seconds_until_sent(job) > 0, that="the other one shows that it runs")
    job_heartbeats.release(job.id)
    wait_for(shows_no_job, that="nothing is held any more")


@pytest.mark.slow
def test_a_job_that_has_just_begun_has_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_INTERVAL", 0.1)
    monkeypatch.setattr(job_heartbeats, "YOUNG", 4)
    monkeypatch.setattr(job_heartbeats, "_thread", None)
    shown: list[float] = []
    monkeypatch.setattr(jobs, "heartbeat", lambda runs: shown.append(time.monotonic()))
    began = time.monotonic()
    job_heartbeats.start("one")
    wait_for(lambda: shown, that="it is shown")
    job_heartbeats.release("one")
    assert shown[0] - began >= 0.4
    wait_for(shows_no_job, that="nothing is held any more")


@pytest.mark.parametrize("where", ["heartbeat", "close"])
def test_heartbeats_go_on_after_an_error_of_any_kind(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_INTERVAL", 0.02)
    monkeypatch.setattr(job_heartbeats, "_thread", None)
    record.delay(1)
    job = Job.objects.get()
    assert jobs.begin(job.id)
    fails = threading.Event()

    show = jobs.heartbeat

    def fail_once(*args: Any) -> None:
        if where == "close":
            connection.close()
        elif fails.is_set():
            show(*args)
        if not fails.is_set():
            fails.set()
            raise RuntimeError("of any kind")

    if where == "heartbeat":
        monkeypatch.setattr(jobs, "heartbeat", fail_once)
    else:
        monkeypatch.setattr(job_heartbeats, "connection", type("Connection", (), {"close": staticmethod(fail_once)}))
    job_heartbeats.start(job.id)
    try:
        assert fails.wait(30)
        overdue()
        wait_for(lambda: seconds_until_sent(job) > 0, that="it still shows that it runs")
    finally:
        job_heartbeats.release(job.id)
    wait_for(shows_no_job, that="nothing is held any more")


def test_a_task_that_fails_is_kept_is_not_repeated_and_can_be_sent_again_by_people() -> None:
    fail.delay()
    assert run_all() == ["FAILURE"]
    job = Job.objects.get()
    assert job.failed_at and job.error == "ValueError: it is broken"
    overdue()
    assert send_overdue_jobs() == 0
    assert sending.retry([job.id]) == 1
    assert sending.retry([job.id]) == 0  # it waits
    assert run_all() == ["FAILURE"]
    assert runs == [0, 0]


def test_a_task_that_the_worker_had_to_end_by_force_has_failed() -> None:
    called = record.delay(1)
    assert jobs.begin(called.id)
    # As the worker itself does, outside the task, when the hard time limit is over.
    record.on_failure(TimeLimitExceeded(300), called.id, (1,), {}, None)
    assert Job.objects.get().error.startswith("TimeLimitExceeded")
    assert run_all() == ["IGNORED"]


def test_a_task_that_is_tried_again_is_owed_until_its_tries_are_used_up(redis_server: RedisServer) -> None:
    fail.delay(retry=True)
    assert run(take()) == "RETRY"
    job = Job.objects.get()
    assert json.loads(job.options)["retries"] == 1
    redis_server.client.flushall()
    overdue()
    assert send_overdue_jobs() == 1
    assert run_all() == ["RETRY", "FAILURE"]
    assert runs == [0, 1, 2]  # what was lost was not a try, and is not counted from the beginning
    job.refresh_from_db()
    assert job.failed_at


@pytest.mark.slow
def test_a_try_again_waits_in_its_row_where_there_is_no_broker(redis_server: RedisServer) -> None:
    fail.delay(retry=True)
    message = take()
    redis_server.stop()
    try:
        assert run(message) == "RETRY"
    finally:
        redis_server.start()
    assert waiting() == 0
    assert json.loads(Job.objects.get().options)["retries"] == 1


def test_a_try_again_is_sent_although_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    fail.delay(retry=True)

    def away(*args: Any, **kwargs: Any) -> bool:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        for function in ("begin", "store_retry"):
            patch.setattr(jobs, function, away)
        assert run(take()) == "RETRY"
    assert run_all() == ["RETRY", "FAILURE"]
    assert Job.objects.get().failed_at


def test_a_job_whose_end_could_not_be_stored_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    send_broadcast.delay("m")

    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "finish", away)
        assert run_all() == ["SUCCESS"]
    overdue()
    send_overdue_jobs()
    assert run_all() == ["SUCCESS"]
    assert Notification.objects.count() == 1
    assert not Job.objects.exists()


def test_a_job_that_kills_its_workers_is_given_up_in_the_end() -> None:
    record.delay(1)
    job = Job.objects.get()
    for _ in range(jobs.STARTS):
        assert jobs.begin(job.id)
    assert run_all() == ["IGNORED"]
    assert runs == []
    job.refresh_from_db()
    assert job.failed_at and "nobody saw it end" in job.error


def test_a_task_that_ends_by_ignoring_itself_or_by_another_in_its_place_leaves_nothing_behind() -> None:
    ignore.delay()
    assert run_all() == ["IGNORED"]
    assert not Job.objects.exists()
    replace.delay(7)
    assert run(take()) == "IGNORED"
    assert Job.objects.get().task == "tests.record"
    assert run_all() == ["SUCCESS"]
    assert runs == [7]
    assert not Job.objects.exists()


def test_a_replacement_that_another_worker_has_begun_meanwhile_is_still_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    replace.delay(7)
    message = take()
    send = sending.send

    def begun_at_once(call: jobs.JobCall) -> bool:
        return send(call) and jobs.begin(call.id)

    with monkeypatch.context() as patch:
        patch.setattr(sending, "send", begun_at_once)
        assert run(message) == "IGNORED"
    take()  # by the other worker, which is killed
    overdue()
    assert send_overdue_jobs() == 1
    assert run_all() == ["SUCCESS"]
    assert runs == [7]
    assert not Job.objects.exists()


def test_a_chain_in_the_place_of_a_job_is_owed_also_where_it_gets_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_by_two.delay("second")
    message = take()
    send = sending.send

    def begun_at_once(call: jobs.JobCall) -> bool:
        sent = send(call)
        if call.args == ["first"]:
            other = threading.Thread(target=run_in_thread, args=[take()])
            other.start()
            other.join(30)
        else:
            jobs.begin(call.id)
        return sent

    with monkeypatch.context() as patch:
        patch.setattr(sending, "send", begun_at_once)
        assert run(message) == "IGNORED"
    assert runs == ["first"]
    assert Job.objects.get().arguments.count("second") == 1
    assert run_all() == ["SUCCESS"]
    assert runs == ["first", "second"]
    assert not Job.objects.exists()


def run_in_thread(message: Any) -> None:
    run(message)
    connection.close()


def test_a_job_in_its_own_place_runs_until_it_is_replaced_no_more() -> None:
    replace_by_itself.delay(2)
    assert run_all() == ["IGNORED", "IGNORED", "SUCCESS"]
    assert runs == [2, 1, 0]
    assert not Job.objects.exists()


@pytest.mark.slow
def test_a_task_that_rejects_its_job_has_failed_and_one_that_puts_it_back_begins_anew() -> None:
    reject.delay(requeue=False)
    assert run_all() == ["REJECTED"]
    job = Job.objects.get()
    assert job.failed_at and job.error == "Rejected: it does not fit"
    job.delete()
    reject.delay(requeue=True)
    for _ in range(jobs.STARTS + 1):  # Celery gives the message back to the broker, which is not needed here
        message = take()
        assert run(message) == "REJECTED"
        overdue()
        assert send_overdue_jobs() == 1
    job = Job.objects.get()
    assert (job.failed_at, job.starts) == (None, 0)


def test_a_try_again_that_neither_database_nor_broker_takes_is_left_to_the_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail.delay(retry=True)

    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "store_retry", away)
        patch.setattr(sending, "pass_on", away)
        assert run(take()) == "REJECTED"
    assert Job.objects.get().failed_at is None
    overdue()
    assert send_overdue_jobs() == 1
    assert run_all() == ["RETRY", "RETRY", "FAILURE"]


def test_a_try_again_that_cannot_be_stored_because_of_its_arguments_has_failed() -> None:
    retry_in.apply_async([1], {"argument": "no JSON"})
    assert run_all() == ["REJECTED"]
    assert Job.objects.get().error.startswith("Rejected: ")


def test_the_next_of_a_chain_is_owed_as_soon_as_the_first_has_ended(redis_server: RedisServer) -> None:
    chain(record.s(1), record.si(2)).apply_async()
    redis_server.client.flushall()
    overdue()
    assert send_overdue_jobs() == 1
    assert run(take()) == "SUCCESS"
    redis_server.client.flushall()
    overdue()
    assert send_overdue_jobs() == 1
    assert run_all() == ["SUCCESS"]
    assert runs == [1, 2]
    assert not Job.objects.exists()
