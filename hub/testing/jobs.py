"""Running durable jobs without a worker."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery.states import FAILURE, REJECTED
from django.db import DatabaseError

from hub.database import in_database_thread
from hub.testing.commits import PendingCommit
from hub.testing.in_process import in_process
from hub.testing.mistakes import Misused, reading_the_database, refuse_event_loop
from worker import jobs
from worker.application import application
from worker.jobs import JobCall

#: Jobs of one call; more of them can only be jobs that call each other without end.
JOBS_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class DrainedJob:
    """A job that was run: its task by name, its arguments as a worker gets them, and what it returned."""

    task: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    result: Any


def drain_jobs(*, until: datetime | None = None) -> list[DrainedJob]:
    """Run the durable jobs that are owed and due, and those that they call in their turn; returns what was run.

        with capture_notifications() as sent:
            report.delay(7)
            drain_jobs()

    A job runs as in a worker: after its call is committed (in a ``TestCase``: would be), with arguments that have been
    JSON, and what it leaves for the commit runs after it. One that wants to be tried again is so at once. They begin
    by the time at which they are due; between those that are due at the same time there is no order.

    Args:
        until: run what is due until this moment too, such as a job with a ``countdown``; by default what is due now.

    Raises:
        Exception: whatever a job raises. It has failed for good then, as in the admin, and the others are still owed.
        Misused: ``task_always_eager`` is set, so that nothing is ever owed; a task is unknown; jobs call each other
            without end; or the test has no database.
    """
    refuse_event_loop("drain_jobs()", "await adrain_jobs()")
    if application().conf.task_always_eager:
        raise Misused(
            "task_always_eager runs each job where it is called, in the caller's transaction, so that none is owed: "
            "take it out of the settings of your tests."
        )
    pending, drained = PendingCommit(), list[DrainedJob]()
    in_process.enter()
    try:
        with reading_the_database("drain_jobs()"):
            while calls := jobs.due(until):
                for call in calls:
                    if len(drained) >= JOBS_LIMIT:
                        raise Misused(
                            f"{JOBS_LIMIT} jobs have run, and {call.task} is owed again: jobs call each other."
                        )
                    drained += _run(call)
                    pending.run()
    finally:
        in_process.leave()
    return drained


async def adrain_jobs(*, until: datetime | None = None) -> list[DrainedJob]:
    """:func:`drain_jobs` from async code."""
    return await in_database_thread(drain_jobs, until=until)


def _run(call: JobCall) -> list[DrainedJob]:
    """Run one job; nothing where it has ended meanwhile. Raises what it raises."""
    if not jobs.begin(call.id, call.nonce):
        return []
    kept = {name: call.options[name] for name in ("retries", "headers", "link", "link_error") if name in call.options}
    ended = _task_of(call).apply(call.args, call.kwargs, task_id=call.id, throw=False, **kept)
    if ended.state in {FAILURE, REJECTED}:
        with contextlib.suppress(DatabaseError):  # of a transaction that the job has spoilt
            jobs.fail(call.id, f"{type(ended.result).__name__}: {ended.result}", call.nonce)
        raise ended.result
    jobs.finish(call.id, call.nonce)
    return [DrainedJob(call.task, call.args, call.kwargs, ended.result)]


def _task_of(call: JobCall) -> Any:
    app = application()
    if call.task not in app.tasks:
        app.loader.import_default_modules()  # as a worker does when it starts
    if call.task not in app.tasks:
        raise Misused(f"There is no task {call.task!r}: no tasks.py that Celery finds (autodiscover_tasks) has it.")
    return app.tasks[call.task]
