"""Durable tasks that are called under the id of one that is owed already, and those of earlier versions."""

import pytest
from celery.exceptions import TimeLimitExceeded

from tests.worker.durable_tasks import called_anew, overdue, record, runs, seconds_until_sent
from tests.worker.running import (
    run,
    run_all,
    send_overdue_jobs,
    take,
)
from worker import jobs, sending
from worker.models import Job

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


@pytest.mark.whole_table
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


def test_a_heartbeat_is_of_one_call_and_not_of_another_under_its_id() -> None:
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
