"""Durable tasks, what is lost: a job that was taken and lost, or never sent, is sent again; its effect comes once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from lab.harness.redis_server import RedisServer
from notifications.models import Notification
from tests.worker.durable_tasks import overdue, record, runs, seconds_until_sent
from tests.worker.running import (
    run,
    run_all,
    send_overdue_jobs,
    take,
    waiting,
)
from worker import jobs, maintenance, sending
from worker.models import Job
from worker.tasks import send_broadcast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


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


def test_claiming_jobs_asks_two_questions_where_none_is_overdue(django_assert_num_queries: Any) -> None:
    record.delay(1)
    with django_assert_num_queries(2):  # which queues are paused, and whether a job of the others is overdue
        assert maintenance.send_overdue_jobs() == 0


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


@pytest.mark.slow
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
