"""Durable tasks: a call that was committed is run, whatever the broker, beat and workers lose."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import chain, signals
from celery.exceptions import Ignore, Reject, TimeLimitExceeded
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from kombu.exceptions import DecodeError, EncodeError

from hub.models import Lease
from lab.harness.environment import BASE_DIR
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import wait_for
from notifications.models import Notification
from tests.worker.running import (
    environment,
    run,
    run_all,
    shows_no_job,
    take,
    takes_the_broker_for_away,
    try_the_broker_again,
    waiting,
)
from worker import job_heartbeats, jobs, sending
from worker.beat import HubScheduler
from worker.celery import app
from worker.durable import DurableTask
from worker.maintenance import send_overdue_jobs, tidy
from worker.models import Job
from worker.tasks import send_broadcast

pytestmark = pytest.mark.django_db(transaction=True)

#: Seconds that a call may take, whatever the broker does, on a busy machine. Without the hub's own limits it would be
#: five and more.
BOUND = 4.5

runs: list[Any] = []


@app.task(base=DurableTask, name="tests.record")
def record(value: object) -> object:
    runs.append(value)
    return value


@app.task(base=DurableTask, name="tests.fail", bind=True, max_retries=2)
def fail(self: DurableTask, *, retry: bool = False) -> None:
    runs.append(self.request.retries)
    error = ValueError("it is broken\0")
    if retry:
        raise self.retry(exc=error, countdown=1)
    raise error


@app.task(base=DurableTask, name="tests.linger")
def linger() -> None:
    job = Job.objects.get()
    assert seconds_until_sent(job) > jobs.SEND_TIMEOUT  # as long as a run counts, not as a message
    for _ in range(2):
        overdue()
        wait_for(lambda: seconds_until_sent(job) > 0, timeout=5, that="its worker shows that it runs")
        runs.append("held")


@app.task(base=DurableTask, name="tests.ignore")
def ignore() -> None:
    raise Ignore


@app.task(base=DurableTask, name="tests.replace", bind=True)
def replace(self: DurableTask, value: object) -> object:
    return self.replace(record.s(value))


@app.task(base=DurableTask, name="tests.replace_by_two", bind=True)
def replace_by_two(self: DurableTask, value: object) -> object:
    return self.replace(chain(record.s("first"), record.si(value)))


@app.task(base=DurableTask, name="tests.replace_by_itself", bind=True)
def replace_by_itself(self: DurableTask, times: int) -> object:
    runs.append(times)
    return self.replace(replace_by_itself.s(times - 1)) if times else None


@app.task(base=DurableTask, name="tests.reject")
def reject(*, requeue: bool) -> None:
    raise Reject("it does not fit", requeue=requeue)


@app.task(base=DurableTask, name="tests.retry_in", bind=True)
def retry_in(self: DurableTask, countdown: float, *, atomic: bool = False, argument: object = None) -> None:
    args = None if argument is None else (countdown, {"argument": object()})
    with transaction.atomic() if atomic else nullcontext():
        raise self.retry(countdown=countdown, args=args)


@app.task(base=DurableTask, name="tests.retry_and_go_on", bind=True)
def retry_and_go_on(self: DurableTask, *, atomic: bool) -> None:
    runs.append(self.request.retries)
    if not self.request.retries:
        with transaction.atomic() if atomic else nullcontext():
            self.retry(countdown=1, throw=False)


@app.task(base=DurableTask, name="tests.called_anew", bind=True)
def called_anew(self: DurableTask, end: str, *, begun: bool) -> None:
    other = threading.Thread(target=call_anew, args=[self.request.id, begun])
    other.start()
    other.join(30)
    ends = {"FAILURE": ValueError("it is broken"), "IGNORED": Ignore(), "REJECTED": Reject("it does not fit")}
    if end == "RETRY":
        raise self.retry(countdown=1)
    if end in ends:
        raise ends[end]


def call_anew(task_id: str, begun: bool) -> None:
    """As another process does; ``begun`` where a worker begins the new one at once."""
    try:
        record.apply_async(["anew"], task_id=task_id)
        if begun:
            assert jobs.begin(task_id)
    finally:
        connection.close()


@app.task(base=DurableTask, name="tests.watched")
def watched() -> None:
    wait_for(lambda: Job.objects.get().starts == 1, timeout=5, that="its beginning is stored after all")
    job = Job.objects.get()
    overdue()
    wait_for(lambda: seconds_until_sent(job) > 0, timeout=5, that="its worker shows that it runs")


@pytest.fixture(autouse=True)
def nothing_ran_and_the_broker_is_there() -> Iterator[None]:
    yield
    runs.clear()
    try_the_broker_again()


def overdue(**where: Any) -> None:
    """As when nothing has been heard of the jobs for long."""
    Job.objects.filter(**where).update(send_at=Now() - timedelta(seconds=1))


def seconds_until_sent(job: Job) -> float:
    job.refresh_from_db()
    return (job.send_at - timezone.now()).total_seconds()


# --- the call --------------------------------------------------------------------------------------------------------


def test_a_call_is_sent_when_its_transaction_is_committed_and_not_before() -> None:
    with transaction.atomic():
        called = record.delay(1)
        assert Job.objects.get().id == called.id
        assert waiting() == 0
    assert waiting() == 1
    assert run_all() == ["SUCCESS"]
    assert runs == [1]
    assert not Job.objects.exists()


def test_a_call_that_is_rolled_back_never_was() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record.delay(1)
        raise ZeroDivisionError
    assert not Job.objects.exists()
    assert waiting() == 0


def test_a_call_raises_where_the_database_does_not_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(Job.objects, "bulk_create", away)
    with pytest.raises(OperationalError):
        record.delay(1)
    assert waiting() == 0


@pytest.mark.parametrize(
    ("value", "error"), [(object(), EncodeError), ({"__type__": "no type", "__value__": 1}, DecodeError)]
)
def test_arguments_that_cannot_be_sent_are_refused_at_the_call(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        record.delay(value)
    assert not Job.objects.exists()


def test_arguments_that_the_task_does_not_take_are_refused_at_the_call() -> None:
    with pytest.raises(TypeError, match="colour"):
        send_broadcast.delay("m", colour="red")
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "value",
    ["\0", "\ud800", "комната", {"at": datetime(2026, 11, 22, 21, 46, 50, 483255, UTC)}, [None, 1.5, "x" * 100_000]],
    ids=["NUL", "half a character", "Russian", "a moment", "long"],
)
def test_arguments_arrive_as_they_were_given_also_when_they_are_sent_again(value: object) -> None:
    record.delay(value)
    overdue()
    assert send_overdue_jobs() == 1
    assert waiting() == 2
    message, again = take(), take()
    assert message.decode() == again.decode()
    run(again)
    assert runs == [value]


def test_calls_do_not_mind_a_broker_that_is_away_and_run_when_it_is_back(redis_server: RedisServer) -> None:
    redis_server.stop()
    try:
        began = time.monotonic()
        for number in range(3):
            record.delay(number)
        assert time.monotonic() - began < BOUND
        assert send_overdue_jobs() == 0
    finally:
        redis_server.start()
    try_the_broker_again()
    assert Job.objects.count() == 3
    assert send_overdue_jobs() == 3
    run_all()
    assert sorted(runs) == [0, 1, 2]
    assert not Job.objects.exists()


def test_a_job_of_which_no_message_can_be_made_holds_up_no_other() -> None:
    for number in range(3):
        record.apply_async([number], queue="of nobody" if number == 1 else None)
    assert not takes_the_broker_for_away()
    Job.objects.update(send_at=Now() - timedelta(seconds=1))
    assert send_overdue_jobs() == 3
    assert Job.objects.get(options__contains="of nobody").resends == 1  # it waits for its next turn
    run_all()
    assert sorted(set(runs)) == [0, 2]


def test_calls_wait_a_moment_at_most_for_a_broker_that_hangs(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PAUSE", 60.0)  # however long the calls take
    tries: list[jobs.JobCall] = []
    pass_on = sending.pass_on

    def counted(call: jobs.JobCall, *args: Any) -> None:
        tries.append(call)
        pass_on(call, *args)

    record.delay(0)
    monkeypatch.setattr(sending, "pass_on", counted)
    pid = redis_server.client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        for number in range(1, 20):
            record.delay(number)
        assert time.monotonic() - began < BOUND  # all of them together
    finally:
        os.kill(pid, signal.SIGCONT)
    assert len(tries) == 1  # one tries, the others know
    assert Job.objects.count() == 20


def test_calls_of_many_threads_wait_for_a_broker_that_hangs_as_long_as_one_does(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PAUSE", 60.0)
    tries: list[jobs.JobCall] = []
    pass_on = sending.pass_on
    go = threading.Barrier(16)

    def counted(call: jobs.JobCall, *args: Any) -> None:
        tries.append(call)
        pass_on(call, *args)

    def work() -> None:
        try:
            go.wait(30)
            record.delay(0)
        finally:
            connection.close()

    record.delay(0)
    monkeypatch.setattr(sending, "pass_on", counted)
    pid = redis_server.client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert 1 <= len(tries) <= app.conf.broker_pool_limit  # who had to wait for a connection knows by then
    assert Job.objects.count() == 17


def test_a_call_by_name_runs_without_a_row() -> None:
    app.send_task("tests.record", args=[1])
    assert not Job.objects.exists()
    assert run_all() == ["SUCCESS"]
    app.send_task("tests.fail", kwargs={"retry": True})
    assert run_all() == ["RETRY", "RETRY", "FAILURE"]
    assert not Job.objects.exists()


def test_an_eager_call_needs_no_row() -> None:
    app.conf.task_always_eager = True
    try:
        assert record.delay(1).get() == 1
    finally:
        app.conf.task_always_eager = False
    assert record.apply(args=(2,)).get() == 2
    assert record(3) == 3
    assert not Job.objects.exists()


# --- what is lost ----------------------------------------------------------------------------------------------------


def test_a_message_that_a_worker_took_and_lost_is_sent_again() -> None:
    record.delay(1)
    assert take() is not None  # by a worker that dies before it has written down that it has it
    assert send_overdue_jobs() == 0  # it has been heard of a moment ago
    overdue()
    assert send_overdue_jobs() == 1
    assert run_all() == ["SUCCESS"]
    assert runs == [1]


@pytest.mark.slow
def test_a_broker_that_comes_back_empty_loses_no_job(redis_server: RedisServer) -> None:
    for number in range(250):
        record.delay(number)
    redis_server.client.flushall()
    assert waiting() == 0
    overdue()
    assert send_overdue_jobs() == 250
    run_all()
    assert sorted(runs) == list(range(250))
    assert not Job.objects.exists()


def test_a_second_message_of_a_job_that_has_ended_runs_nothing() -> None:
    send_broadcast.delay("m")
    overdue()
    send_overdue_jobs()
    assert run_all() == ["SUCCESS", "IGNORED"]
    assert Notification.objects.count() == 1


def test_two_runs_at_the_same_time_have_the_effect_of_one() -> None:
    send_broadcast.delay("m")
    overdue()
    send_overdue_jobs()
    states: list[str] = []

    def work(message: Any) -> None:
        states.append(run(message))
        connection.close()

    threads = [threading.Thread(target=work, args=[take()]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert "SUCCESS" in states
    assert Notification.objects.count() == 1
    assert not Job.objects.exists()


def test_a_job_that_is_lost_again_and_again_is_sent_less_and_less_often() -> None:
    record.delay(1)
    job = Job.objects.get()
    pauses = []
    for _ in range(10):
        pauses.append(round(seconds_until_sent(job)))
        overdue()
        assert send_overdue_jobs() == 1
    assert pauses[:6] == pytest.approx([15, 15, 15, 30, 60, 120], abs=5)
    assert pauses[-1] == pytest.approx(600, abs=5)


def test_a_job_that_no_worker_begins_has_failed_after_about_a_day_and_not_while_it_cannot_be_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record.delay(1)
    Job.objects.update(task="tests.no_longer_known", resends=jobs.RESENDS - 1)
    overdue()
    with monkeypatch.context() as patch:
        patch.setattr(sending, "send", lambda call: False)
        assert [send_overdue_jobs() for _ in range(3)] == [0, 0, 0]
    assert send_overdue_jobs() == 1
    overdue()
    assert send_overdue_jobs() == 0
    job = Job.objects.get()
    assert job.failed_at and "no worker has begun it" in job.error
    pauses = [
        min(jobs.SEND_TIMEOUT * 2 ** max(resends - 1, 0), jobs.LONGEST_SEND_TIMEOUT) for resends in range(jobs.RESENDS)
    ]
    assert sum(pauses) == pytest.approx(86_400, rel=0.1)
    assert sending.retry([job.id]) == 1
    overdue()
    assert send_overdue_jobs() == 1


def test_claiming_jobs_asks_one_question_where_none_is_overdue(django_assert_num_queries: Any) -> None:
    record.delay(1)
    with django_assert_num_queries(1):
        assert send_overdue_jobs() == 0


def test_a_turn_ends_where_the_broker_stops_to_answer_and_the_rest_is_due_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(5):
        record.delay(number)
    overdue()
    answers = iter([True, True, False])
    monkeypatch.setattr(sending, "send", lambda call: next(answers))
    assert send_overdue_jobs() == 2
    assert Job.objects.filter(send_at__lte=Now()).count() == 3


def test_two_who_send_again_at_the_same_time_send_each_job_once() -> None:
    for number in range(40):
        record.delay(number)
    overdue()
    claimed: list[str] = []

    def work() -> None:
        while calls := jobs.claim(3):
            claimed.extend(call.id for call in calls)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(claimed) == len(set(claimed)) == 40


def test_a_row_that_cannot_be_read_has_failed_and_holds_up_nobody() -> None:
    record.delay(1)
    record.delay(2)
    take()
    take()
    Job.objects.filter(arguments__contains="1").update(arguments="{not JSON")
    overdue()
    assert send_overdue_jobs() == 1
    assert run_all() == ["SUCCESS"]
    assert runs == [2]
    assert "cannot be read" in Job.objects.get().error


@pytest.mark.parametrize("column", ["created_at", "due_at"])
def test_a_job_that_was_stored_by_a_clock_that_has_been_set_back_is_sent_again_once(column: str) -> None:
    record.delay(1)
    assert take() is not None
    hour = timedelta(hours=1)
    ahead = {name: F(name) + hour for name in ("created_at", "due_at", "send_at")}
    if column == "due_at":  # it ran while the clock was wrong, and had been stored before
        del ahead["created_at"], ahead["due_at"]
    Job.objects.update(**ahead)
    assert [send_overdue_jobs() for _ in range(3)] == [1, 0, 0]


# --- runs ------------------------------------------------------------------------------------------------------------


def test_a_job_that_runs_is_not_sent_again_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_INTERVAL", 0.02)
    monkeypatch.setattr(job_heartbeats, "_thread", None)  # one of another test may sleep for long
    linger.delay()
    job = Job.objects.get()
    assert run_all() == ["SUCCESS"]
    assert runs == ["held", "held"]
    wait_for(shows_no_job, timeout=5, that="nothing is held any more")
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
    wait_for(lambda: seconds_until_sent(job) > 0, timeout=5, that="the other one shows that it runs")
    job_heartbeats.release(job.id)
    wait_for(shows_no_job, timeout=5, that="nothing is held any more")


@pytest.mark.parametrize("where", ["heartbeat", "close"])
def test_signs_of_life_go_on_after_an_error_of_any_kind(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
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
        assert fails.wait(5)
        overdue()
        wait_for(lambda: seconds_until_sent(job) > 0, timeout=5, that="it still shows that it runs")
    finally:
        job_heartbeats.release(job.id)
    wait_for(shows_no_job, timeout=5, that="nothing is held any more")


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


# --- called again ---


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("end", ["SUCCESS", "FAILURE", "RETRY", "IGNORED", "REJECTED"])
def test_a_call_under_the_id_of_a_job_that_runs_is_owed_however_that_run_ends(end: str, begun: bool) -> None:
    called_anew.apply_async([end], {"begun": begun}, task_id="fixed")
    assert run(take()) == end
    job = Job.objects.get()
    assert (job.task, job.failed_at, job.starts) == ("tests.record", None, int(begun))
    states = ["IGNORED", "SUCCESS"] if end == "RETRY" else ["SUCCESS"]  # the earlier call is not tried again
    assert sorted(run_all()) == states
    assert runs == ["anew"]
    assert not Job.objects.exists()


def test_a_call_that_another_under_its_id_has_replaced_is_not_run() -> None:
    record.apply_async([1], task_id="fixed")
    record.apply_async([2], task_id="fixed")
    assert run_all() == ["IGNORED", "SUCCESS"]
    assert runs == [2]
    assert not Job.objects.exists()


def test_a_task_that_was_ended_by_force_does_not_fail_the_call_that_has_taken_its_place() -> None:
    called = record.apply_async([1], task_id="fixed")
    assert jobs.begin(called.id)
    record.apply_async([2], task_id="fixed")
    record.on_failure(TimeLimitExceeded(300), called.id, (1,), {}, None)
    assert Job.objects.get().failed_at is None


def test_a_sign_of_life_is_of_one_call_and_not_of_another_under_its_id() -> None:
    called = record.delay(1)
    job = Job.objects.get()
    assert jobs.begin(called.id)
    overdue()
    jobs.heartbeat([(called.id, "another")])
    assert seconds_until_sent(job) < 0
    for nonce in (job.nonce, None):
        overdue()
        jobs.heartbeat([(called.id, nonce), ("other", "another")])
        assert seconds_until_sent(job) > 0


def test_messages_and_rows_of_an_earlier_version_which_have_no_nonce_are_run() -> None:
    for number in range(2):
        record.delay(number)
    Job.objects.filter(arguments__contains="1").update(nonce="")
    messages = [take(), take()]
    messages[0].headers[sending.MARK] = True
    assert run(messages[0]) == "SUCCESS"
    overdue()
    assert send_overdue_jobs() == 1
    assert run_all() == ["SUCCESS"]
    assert runs == [0, 1]
    assert not Job.objects.exists()


# --- later, and too late ---------------------------------------------------------------------------------------------


def test_a_job_for_later_waits_in_its_row_and_is_sent_shortly_before() -> None:
    record.apply_async([1], countdown=3600)
    assert waiting() == 0
    assert seconds_until_sent(Job.objects.get()) == pytest.approx(3600 - jobs.EARLY, abs=5)
    overdue()
    assert send_overdue_jobs() == 1
    eta = take().headers["eta"]
    assert datetime.fromisoformat(eta) > timezone.now() + timedelta(minutes=59)
    record.apply_async([2], eta=timezone.now() + timedelta(seconds=30))
    assert waiting() == 1


def test_a_job_that_waits_in_a_worker_for_its_time_is_not_sent_again_meanwhile() -> None:
    record.apply_async([1], countdown=59)
    overdue()
    assert send_overdue_jobs() == 1
    job = Job.objects.get()
    assert (job.send_at - job.due_at).total_seconds() == pytest.approx(jobs.SEND_TIMEOUT, abs=0.01)
    Job.objects.update(due_at=Now() - timedelta(hours=1))
    overdue()
    assert send_overdue_jobs() == 1
    assert seconds_until_sent(job) == pytest.approx(jobs.SEND_TIMEOUT, abs=5)


def test_a_job_for_later_that_could_not_be_sent_waits_in_its_row() -> None:
    later, now = record.apply_async([1], countdown=3600), record.apply_async([2], countdown=30)
    jobs.unclaim(later.id, now.id)
    assert seconds_until_sent(Job.objects.get(pk=later.id)) == pytest.approx(3600 - jobs.EARLY, abs=5)
    assert seconds_until_sent(Job.objects.get(pk=now.id)) <= 0


@pytest.mark.parametrize("atomic", [False, True])
def test_a_try_again_that_is_for_later_waits_in_its_row_and_not_in_a_worker(atomic: bool) -> None:
    retry_in.delay(3600, atomic=atomic)
    assert run_all() == ["RETRY"]
    assert waiting() == 0
    job = Job.objects.get()
    assert (job.starts, json.loads(job.options)["retries"]) == (0, 1)
    assert seconds_until_sent(job) == pytest.approx(3600 - jobs.EARLY, abs=5)
    overdue()
    assert send_overdue_jobs() == 1
    assert datetime.fromisoformat(take().headers["eta"]) == job.due_at


def test_a_try_again_whose_row_is_rolled_back_is_sent() -> None:
    retry_in.delay(1, atomic=True)
    assert run(take()) == "RETRY"
    assert take().headers["retries"] == 1
    job = Job.objects.get()
    assert (job.starts, json.loads(job.options)["retries"]) == (0, 1)


@pytest.mark.parametrize("atomic", [False, True])
def test_a_task_that_goes_on_after_it_has_asked_for_another_try_is_tried_again(atomic: bool) -> None:
    retry_and_go_on.delay(atomic=atomic)
    assert run(take()) == "SUCCESS"
    assert json.loads(Job.objects.get().options)["retries"] == 1
    assert run_all() == ["SUCCESS"]
    assert runs == [0, 1]
    assert not Job.objects.exists()


def test_a_job_that_has_expired_is_not_run_and_kept_as_one_that_was_not_done() -> None:
    record.apply_async([1], expires=60)
    record.apply_async([2], expires=timezone.now() + timedelta(hours=1))
    take()
    take()
    overdue()
    Job.objects.filter(arguments__contains="1").update(expires_at=Now())
    assert send_overdue_jobs() == 1
    run_all()
    assert runs == [2]
    job = Job.objects.get()
    assert job.failed_at and job.error == jobs.EXPIRED
    overdue()
    assert send_overdue_jobs() == 0
    assert sending.retry([job.id]) == 1
    assert run_all() == ["SUCCESS"]
    assert runs == [2, 1]


def test_many_jobs_that_have_expired_hold_up_nobody() -> None:
    for number in range(5):
        record.apply_async([number], expires=60)
    record.delay(5)
    while take():
        pass
    Job.objects.exclude(expires_at=None).update(expires_at=Now())
    Job.objects.update(send_at=Now() - timedelta(seconds=1))
    assert [call.args for call in jobs.claim(2)] == [[5]]
    assert [jobs.claim(2) for _ in range(2)] == [[], []]
    assert Job.objects.filter(error=jobs.EXPIRED).count() == 5


def test_a_job_that_reaches_a_worker_too_late_is_kept_as_one_that_was_not_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    called = record.apply_async([1], expires=60, headers={"periodic_task_name": "hourly"})
    request = type("Request", (), {"id": called.id})
    signals.task_revoked.send(sender=record, request=request, terminated=False, signum=None, expired=True)
    job = Job.objects.get()
    assert job.failed_at and job.error == jobs.EXPIRED
    (said,) = [line.msg for line in caplog.records if isinstance(line.msg, dict) and line.msg["level"] == "warning"]
    assert (said["event"], said["job"], said["task"], said["periodic_task"]) == (
        "job_expired",
        called.id,
        "tests.record",
        "hourly",
    )


def test_a_job_that_a_worker_was_told_to_drop_is_not_sent_again() -> None:
    called = record.delay(1)
    request = type("Request", (), {"id": called.id})
    signals.task_revoked.send(sender=record, request=request, terminated=False, signum=None, expired=False)
    assert not Job.objects.exists()


def test_jobs_that_failed_long_ago_are_forgotten() -> None:
    for _ in range(2):
        fail.delay()
    record.delay(1)
    run(take())
    run(take())
    old = Job.objects.exclude(failed_at=None).first()
    assert old
    Job.objects.filter(pk=old.pk).update(failed_at=F("failed_at") - jobs.RETENTION)
    tidy()
    assert Job.objects.count() == 2
    assert not Job.objects.filter(pk=old.pk).exists()


# --- with SIGKILL ----------------------------------------------------------------------------------------------------


_KILLED_BEAT = """
import os, signal, django
django.setup()
from worker import jobs, sending
from worker.beat import HubScheduler
from worker.celery import app
app.loader.import_default_modules()
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
if moment == "before the job is stored":
    jobs.store = die
else:
    sending.send = die
scheduler = HubScheduler(app=app)
scheduler.maintenance = []
while True:
    scheduler.tick()
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before the job is stored", "before the job is sent"])
def test_a_beat_that_is_killed_between_its_claim_and_its_sending_loses_no_run_and_repeats_none(
    data_dir: Path, moment: str
) -> None:
    row = PeriodicTask.objects.create(
        name="due",
        task="worker.tasks.send_broadcast",
        interval=IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS),
        kwargs='{"message": "m"}',
        last_run_at=timezone.now() - timedelta(hours=2),
    )
    code = f"moment = {moment!r}\n{_KILLED_BEAT}"
    variables = environment(data_dir, DJANGO_SETTINGS_MODULE="hub.settings")
    killed = subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, env=variables, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    row.refresh_from_db()
    stored = moment == "before the job is sent"
    assert (row.total_run_count, Job.objects.count()) == ((1, 1) if stored else (0, 0))
    assert waiting() == 0
    next_beat_sends_what_is_due()
    overdue()
    send_overdue_jobs()
    run_all()
    row.refresh_from_db()
    assert (row.total_run_count, Notification.objects.count()) == (1, 1)


def next_beat_sends_what_is_due() -> None:
    Lease.objects.all().delete()
    scheduler = HubScheduler(app=app)
    scheduler.maintenance = []
    for _ in range(3):
        scheduler.tick()
