"""Durable tasks, the call: it is stored and sent with its transaction, whatever the broker does."""

import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from kombu.exceptions import DecodeError, EncodeError

from hub.database import by_key
from lab.harness.redis_server import RedisServer
from tests.support.outages import takes_the_broker_for_away, try_the_broker_again
from tests.support.stopwatch import Stopwatch
from tests.worker.durable_tasks import overdue, record, runs
from tests.worker.running import run, run_all, send_overdue_jobs, take, waiting
from worker import jobs, sending
from worker.celery import app
from worker.models import Job
from worker.tasks import send_broadcast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]

#: Seconds that a call may take, whatever the broker does, on a busy machine. Without the hub's own limits it would be
#: five and more.
BOUND = 4.5


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

    monkeypatch.setattr(by_key, "put", away)
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


@pytest.mark.whole_table
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
        with Stopwatch() as watch:
            for number in range(3):
                record.delay(number)
        assert watch.seconds < BOUND
        assert send_overdue_jobs() == 0
    finally:
        redis_server.start()
    try_the_broker_again()
    assert Job.objects.count() == 3
    assert send_overdue_jobs() == 3
    run_all()
    assert sorted(runs) == [0, 1, 2]
    assert not Job.objects.exists()


def test_jobs_that_were_sent_again_before_the_broker_went_are_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        record.delay(number)
    overdue()
    answers = iter([True, False])
    monkeypatch.setattr(sending, "send", lambda _: next(answers))
    assert sending.send_overdue() == 1
    assert "jobs_sent_again" in caplog.text
    assert len(jobs.claim(10)) == 2  # they are due at once


def test_a_job_of_which_no_message_can_be_made_holds_up_no_other() -> None:
    for number in range(3):
        record.apply_async([number], queue="of nobody" if number == 1 else None)
    assert not takes_the_broker_for_away()
    Job.objects.update(send_at=Now() - timedelta(seconds=1))
    assert send_overdue_jobs() == 3
    assert Job.objects.get(options__contains="of nobody").resends == 1  # it waits for its next turn
    run_all()
    assert sorted(set(runs)) == [0, 2]


@pytest.mark.slow
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
        with Stopwatch() as watch:
            for number in range(1, 20):
                record.delay(number)
        assert watch.seconds < BOUND  # all of them together
    finally:
        os.kill(pid, signal.SIGCONT)
    assert len(tries) == 1  # one tries, the others know
    assert Job.objects.count() == 20


@pytest.mark.slow
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
