"""A job for the worker of the hub under test: ``celery -A worker worker --include lab.chaos.job_tasks``."""

import time

from worker.tracking import JobHandle, job


@job(title="Steps", name="chaos.steps")
def steps(handle: JobHandle, number: int, seconds: float, count: int) -> None:
    """Take ``count`` steps of ``seconds`` each, and say so after each."""
    for _ in handle.track(range(count)):
        time.sleep(seconds)
    handle.result(text=f"number {number}")
