"""Tracked jobs for tests."""

import time
from typing import Any

from worker.celery import app
from worker.durable import DurableTask
from worker.tracking import JobHandle, job


@job(title="Import customers", name="tests.import_customers")
def import_customers(job: JobHandle, rows: int, *, password: str = "") -> None:
    for row in job.track(range(rows)):
        job.log(f"row {row}")
    job.result(url="/customers/", text=f"{rows} customers")


@job(title="Import very many", name="tests.import_in_bulk", queue="bulk")
def import_in_bulk(job: JobHandle, rows: int) -> None:
    job.progress(rows, rows)


@job(title="Break", name="tests.break", max_retries=1, autoretry_for=(OSError,), default_retry_delay=0)
def break_down(job: JobHandle, *, token: str = "", passing: bool = False) -> None:
    job.progress(3, 7, "half way")
    if passing:
        raise OSError("the disk is away")
    raise ValueError(f"{token} was not accepted")


@job(title="Wait", name="tests.wait")
def wait(job: JobHandle) -> None:
    job.progress(0, 1)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        time.sleep(0.05)
        job.check()


@job(title="Only once", name="tests.only_once", reruns=False)
def only_once(job: JobHandle) -> None:
    job.progress(1)


@job(title="Parent", name="tests.parent")
def parent(job: JobHandle) -> None:
    between.delay()


@app.task(base=DurableTask, name="tests.between")
def between() -> None:
    child.delay()


@app.task(name="tests.between_plainly")
def between_plainly() -> None:
    child.delay()


@job(title="Child", name="tests.child")
def child(job: JobHandle, *results: Any) -> str:
    return "grown up"


@app.task(name="tests.plain", bind=True, max_retries=1)
def plain(self: Any, *, api_key: str = "", fail: bool = False, again: bool = False) -> str:
    """A task of somebody who knows nothing of tracked jobs."""
    if again:
        raise self.retry(exc=OSError("the disk is away"), countdown=0)
    if fail:
        raise ValueError(f"{api_key} was not accepted")
    child.delay()
    return "done"
