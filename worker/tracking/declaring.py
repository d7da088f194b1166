"""Declaring jobs that people watch."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from celery import shared_task

from hub.config.queues import DEFAULT
from worker.tracking.task import TrackedTask

#: Seconds that a run may take beyond its timeout until Celery raises in the middle of it, and until it kills it.
_SOFT, _HARD = 1.0, 30.0


def job(
    *,
    title: object = "",
    timeout: float | None = None,
    reruns: bool = True,
    queue: str = DEFAULT,
    **options: Any,
) -> Callable[[Callable[..., Any]], TrackedTask]:
    """Make a function a durable task whose life people watch.

        @job(title="Import customers")
        def import_customers(job, path):
            for row in job.track(rows_of(path)):
                store(row)
            job.result(url="/customers/", text="512 customers")

        import_customers.delay("customers.csv")

    Called as any durable task (:class:`worker.durable.DurableTask`), and as safe: it is run at least once. Its
    function gets a :class:`worker.tracking.JobHandle` first. A text that it returns is its result,
    unless it has said another.

    Args:
        title: what people read; may be a lazy translation, which is in the language of whoever calls the job.
        timeout: seconds that a run may take. The next word of the handle raises then, a second later Celery does
            wherever the function is, and after half a minute its process is ended.
        reruns: whether a job whose worker was killed runs again. If not, it has failed then.
        queue: where it waits. ``"bulk"`` for work of which there may be very much; by default ``"default"``, or any
            queue that a worker reads.
        options: those of Celery's tasks, such as ``autoretry_for``, ``max_retries``.
    """

    def declare(function: Callable[..., Any]) -> TrackedTask:
        @wraps(function)
        def run(self: TrackedTask, *args: Any, **kwargs: Any) -> Any:
            return function(self.handle(), *args, **kwargs)

        # By it Celery says at the call what does not fit; the handle stands in the place of the task.
        run.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # of any function
        if timeout is not None:
            options.setdefault("soft_time_limit", timeout + _SOFT)
            options.setdefault("time_limit", timeout + _HARD)
        own: dict[str, Any] = {"title": title, "timeout": timeout, "reruns": reruns, "waits_in": queue}
        make: Any = shared_task(base=TrackedTask, bind=True, **own, **options)
        declared: TrackedTask = make(run)
        return declared

    return declare
