"""Durable jobs run in a test without a worker and without a broker."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import TestCase, TransactionTestCase
from django.utils import timezone

from hub.testing import Misused, adrain_jobs, drain_jobs, jobs
from tests.worker.durable_tasks import fail, ignore, record, replace, runs
from worker.application import application
from worker.celery import app
from worker.durable import DurableTask
from worker.models import Job


@app.task(base=DurableTask, name="tests.call_again")
def call_again() -> None:
    call_again.delay()


@app.task(base=DurableTask, name="tests.commit")
def commit() -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: record.delay("committed"))


@pytest.fixture(autouse=True)
def nothing_ran() -> Iterator[None]:
    yield
    runs.clear()


class Cases:
    def test_job_runs_once_with_arguments_of_json(self) -> None:
        record.delay((1, 2))
        (ran,) = drain_jobs()
        assert (ran.task, ran.args, ran.result) == ("tests.record", [[1, 2]], [1, 2])
        assert runs == [[1, 2]]
        assert drain_jobs() == []
        assert not Job.objects.exists()

    def test_jobs_that_a_job_calls_run_too(self) -> None:
        commit.delay()
        assert [ran.task for ran in drain_jobs()] == ["tests.commit", "tests.record"]
        assert runs == ["committed"]

    def test_job_of_a_rolled_back_transaction_does_not_run(self) -> None:
        with transaction.atomic():
            record.delay("x")
            transaction.set_rollback(True)
        assert drain_jobs() == []

    def test_job_for_later_runs_when_its_time_is_given(self) -> None:
        record.apply_async(["later"], countdown=3600)
        assert drain_jobs() == []
        assert len(drain_jobs(until=timezone.now() + timedelta(hours=2))) == 1

    def test_error_of_a_job_is_raised_and_the_job_has_failed(self) -> None:
        fail.delay()
        with pytest.raises(ValueError, match="it is broken"):
            drain_jobs()
        assert Job.objects.get().failed_at is not None
        assert drain_jobs() == []

    def test_retries_run_at_once(self) -> None:
        fail.delay(retry=True)
        with pytest.raises(ValueError, match="it is broken"):
            drain_jobs()
        assert runs == [0, 1, 2]

    def test_job_that_is_ignored_or_replaced_is_over(self) -> None:
        ignore.delay()
        replace.delay("x")
        assert len(drain_jobs()) == 2
        assert runs == ["x"]
        assert not Job.objects.exists()

    async def test_async_tests_drain_too(self) -> None:
        await adrain_jobs()


@pytest.mark.django_db  # for the run on PostgreSQL
class DrainingInTestCase(Cases, TestCase):
    pass


@pytest.mark.django_db  # for the run on PostgreSQL
class DrainingWhereTestsCommit(Cases, TransactionTestCase):
    pass


@pytest.mark.django_db
def test_jobs_that_call_each_other_without_end_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "JOBS_LIMIT", 5)
    call_again.delay()
    with pytest.raises(Misused, match=r"5 jobs have run, and tests\.call_again is owed again"):
        drain_jobs()


@pytest.mark.django_db
def test_task_that_nobody_knows_is_named() -> None:
    record.delay("x")
    Job.objects.update(task="shop.tasks.gone")
    with pytest.raises(Misused, match=r"There is no task 'shop\.tasks\.gone'"):
        drain_jobs()


@pytest.mark.django_db
def test_eager_tasks_are_refused() -> None:
    settings = application().conf
    settings.task_always_eager = True
    try:
        with pytest.raises(Misused, match="take it out of the settings of your tests"):
            drain_jobs()
    finally:
        settings.task_always_eager = False


def test_fixture_brings_the_database(hub_drain_jobs: object) -> None:
    record.delay("x")
    assert callable(hub_drain_jobs)
    assert len(hub_drain_jobs()) == 1
