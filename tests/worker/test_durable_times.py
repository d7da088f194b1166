"""Durable tasks for later, and those that come too late."""

import json
from datetime import datetime, timedelta

import pytest
from celery import signals
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from tests.worker.durable_tasks import fail, overdue, record, retry_and_go_on, retry_in, runs, seconds_until_sent
from tests.worker.running import (
    run,
    run_all,
    send_overdue_jobs,
    take,
    waiting,
)
from worker import jobs, sending
from worker.maintenance import tidy
from worker.models import Job

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


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
