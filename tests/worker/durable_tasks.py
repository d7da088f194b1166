"""Durable tasks for tests, and what they have done: ``runs``."""

import threading
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from celery import chain
from celery.exceptions import Ignore, Reject
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from lab.harness.waiting import wait_for
from worker import jobs
from worker.celery import app
from worker.durable import DurableTask
from worker.models import Job

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
        wait_for(lambda: seconds_until_sent(job) > 0, that="its worker shows that it runs")
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
    wait_for(lambda: Job.objects.get().starts == 1, that="its beginning is stored after all")
    job = Job.objects.get()
    overdue()
    wait_for(lambda: seconds_until_sent(job) > 0, that="its worker shows that it runs")


def overdue(**where: Any) -> None:
    """As when nothing has been heard of the jobs for long."""
    Job.objects.filter(**where).update(send_at=Now() - timedelta(seconds=1))


def seconds_until_sent(job: Job) -> float:
    job.refresh_from_db()
    return (job.send_at - timezone.now()).total_seconds()
