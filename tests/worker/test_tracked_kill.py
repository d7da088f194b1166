"""A real worker that is killed while it runs a tracked job."""

import os
import signal
from pathlib import Path

import pytest

from lab.harness.waiting import wait_for
from tests.worker.durable_tasks import overdue
from tests.worker.running import children, running_worker
from tests.worker.tracked_tasks import wait
from worker import sending
from worker.models import TrackedJob
from worker.tracking import cancelling, losses, stored

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


#: The module with the tasks of this test, for another process.
TASKS = "tests.worker.tracked_tasks"


def row() -> TrackedJob:
    return TrackedJob.objects.get()


@pytest.mark.slow
def test_killed_worker_loses_its_job_and_another_one_runs_it_and_hears_that_it_is_cancelled(
    data_dir: Path, tmp_path: Path
) -> None:
    wait.delay()
    with running_worker(data_dir, tmp_path / "first.log", include=TASKS) as worker:
        wait_for(lambda: row().total == 1, timeout=60, that="the job says how far it is")
        assert row().lost_at
        for child in children(worker):
            os.kill(child, signal.SIGKILL)
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(30)
    assert row().state == "running"
    wait_for(losses.mark_lost, timeout=stored.HEARTBEAT_TIMEOUT + 5, that="it is seen as lost")
    assert (row().state, row().ended_at) == ("lost", None)
    overdue()  # as half a minute later
    sending.send_overdue()
    with running_worker(data_dir, tmp_path / "second.log", include=TASKS):
        wait_for(lambda: row().state == "running", timeout=60, that="another worker runs it")
        assert row().runs == 2
        cancelling.cancel(row())
        wait_for(lambda: row().state == "cancelled", that="it hears that it is to end")
