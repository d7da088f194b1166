"""Durable tasks that a beat calls which is killed while it does."""

import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from hub.models import Lease
from lab.harness import forking
from lab.harness.environment import BASE_DIR
from notifications.models import Notification
from tests.worker.durable_tasks import overdue
from tests.worker.running import (
    environment,
    run_all,
    send_overdue_jobs,
    take,
    waiting,
)
from worker.beat import HubScheduler
from worker.celery import app
from worker.models import Job
from worker.schedules import periodic_runs
from worker.schedules.models import PeriodicRun, PeriodicRunStatus

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


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
elif moment == "before the job is sent":
    sending.send = die
else:
    HubScheduler.apply_async = die
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
    beat_that_is_killed(data_dir, moment)
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


def beat_that_is_killed(data_dir: Path, moment: str) -> None:
    code = f"moment = {moment!r}\n{_KILLED_BEAT}"
    variables = environment(data_dir)
    killed = forking.run([sys.executable, "-c", code], cwd=BASE_DIR, env=variables, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_plain_task_of_a_beat_that_is_killed_before_it_sends_is_sent_by_the_next_one(data_dir: Path) -> None:
    every_hour = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    ran_at = timezone.now() - timedelta(hours=1, minutes=1)
    PeriodicTask.objects.create(name="due", task="worker.maintenance.tidy", interval=every_hour, last_run_at=ran_at)
    beat_that_is_killed(data_dir, "before the plain task is sent")
    run = PeriodicRun.objects.get()
    assert (run.status, run.due_at, waiting()) == (PeriodicRunStatus.SENDING, ran_at + timedelta(hours=1), 0)
    PeriodicRun.objects.update(ran_at=run.ran_at - timedelta(seconds=periodic_runs.UNSENT + 1))
    next_beat_sends_what_is_due()
    assert [message.headers["id"] for message in iter(take, None)] == [run.job]
    assert PeriodicRun.objects.get().status == PeriodicRunStatus.SENT


def next_beat_sends_what_is_due() -> None:
    Lease.objects.all().delete()
    scheduler = HubScheduler(app=app)
    scheduler.maintenance = []
    for _ in range(3):
        scheduler.tick()
