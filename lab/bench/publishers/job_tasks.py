"""Tasks of the row *jobs*: the same steps as a plain task of Celery, and as a job that tells of each."""

import os
import time
from pathlib import Path

from hub.config import hub_settings
from worker.celery import app
from worker.tracking import JobHandle, job

STEPS = 100

#: Seconds that a step waits, as for a database or another service.
STEP = 0.002


def ended_file() -> Path:
    """Has a byte for each task that has done its steps."""
    return hub_settings().data_dir / "ended"


def _note_end() -> None:
    opened = os.open(ended_file(), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(opened, b".")
    os.close(opened)


@app.task(name="bench.plain_steps")
def plain_steps(number: int) -> None:
    """Nobody hears of it."""
    for _ in range(STEPS):
        time.sleep(STEP)
    _note_end()


@job(title="Steps", name="bench.told_steps")
def told_steps(handle: JobHandle, number: int) -> None:
    """Says how far it is after each step."""
    for step in range(STEPS):
        time.sleep(STEP)
        handle.progress(step + 1, STEPS, "step")
    _note_end()
