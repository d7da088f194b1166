"""Workers for tests: real processes, and what a worker does with a message, here and now."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery.app.trace import build_tracer
from django.conf import settings
from django.db import connection

from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment, ending_with_us
from worker import job_heartbeats, maintenance
from worker.celery import app

#: The queues of the hub, as a worker reads them that is not told which.
QUEUES = tuple(app.conf.task_queues)


def database_url() -> str:
    """The database of this test, for another process."""
    name = str(connection.settings_dict["NAME"])
    return (
        f"sqlite:///{name}"
        if connection.vendor == "sqlite"
        else f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"
    )


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """The variables of another process on the database and the Redis of this test."""
    usual = {"DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE, "HUB_DATA_DIR": str(data_dir)}
    return clean_environment(**usual, DATABASE_URL=database_url(), **variables)


@contextmanager
def running_worker(
    data_dir: Path, log: Path, *, include: str = "", queues: str = "", **variables: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A Celery worker with one child, on the database and the Redis of this test.

    ``include`` is one more module with tasks; of ``queues`` it is named, and reads only these.
    """
    command = [sys.executable, "-m", "celery", "-A", "worker", "worker", "--without-gossip", "--without-mingle"]
    command += ["-I", include] if include else []
    command += ["-Q", queues, "-n", f"worker-{queues.replace(',', '-')}@%h"] if queues else []
    with log.open("ab") as output:
        worker: subprocess.Popen[bytes] = forking.Popen(
            ending_with_us(command),
            cwd=BASE_DIR,
            env=environment(data_dir, HUB_WORKER_CONCURRENCY="1", **variables),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield worker
    finally:
        end(worker)


def end(worker: "subprocess.Popen[bytes]") -> None:
    """Kill it and its children, without a word."""
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(30)


def children(worker: "subprocess.Popen[bytes]") -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()]


def take() -> Any:
    """The next message of the queues, taken off its queue; None where all are empty."""
    with app.connection_for_read() as broker:
        channel: Any = broker.default_channel
        found = (channel.basic_get(name, no_ack=True) for name in QUEUES)
        return next((channel.message_to_python(message) for message in found if message is not None), None)


def waiting() -> int:
    """How many messages are in the queues."""
    return sum(lengths().values())


def send_overdue_jobs() -> int:
    """Send again what nothing was heard of for too long, as the outboxes of all queues do."""
    outboxes = (maintenance.send_overdue_jobs, maintenance.send_overdue_deliveries, maintenance.send_overdue_bulk)
    return sum(outbox() for outbox in outboxes)


def lengths() -> dict[str, int]:
    """How many messages are in each queue."""
    with app.connection_for_read() as broker:
        channel: Any = broker.default_channel
        return {name: int(channel._size(name)) for name in QUEUES}


def run(message: Any) -> str:
    """Do with a message what a worker's child does; returns the state that the task ends in."""
    args, kwargs, embedded = message.decode()
    headers = message.headers
    task = app.tasks[headers["task"]]
    request = {**headers, **embedded, "delivery_info": message.delivery_info, "hostname": "test"}
    info: Any = build_tracer(task.name, task, app=app)(headers["id"], args, kwargs, request)
    return "SUCCESS" if info.info is None else str(info.info.state)


def run_all() -> list[str]:
    """Run what is in the queue; returns the states in which the tasks ended."""
    states = []
    while (message := take()) is not None:
        states.append(run(message))
    return states


def shows_no_job() -> bool:
    """Whether no job of this process is shown to run, by any thread."""
    return job_heartbeats._thread is None
