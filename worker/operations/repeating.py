"""Runs plain tasks of Celery again that have failed, by the application that owns them.

The run is a new one under an id of its own: a worker may have been told to drop the old id, and results are kept under
it. Nobody owes a plain task, so one that the broker does not take has failed at once, and one whose sender is killed
a minute later.
"""

from datetime import timedelta
from functools import partial
from typing import Any

from celery.utils import uuid
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.logs import get_logger
from worker import origins, queues
from worker.application import application, task_named
from worker.models import JobState, TrackedJob
from worker.origins import Origin
from worker.tracking import kept_calls, masking, stored
from worker.tracking.watching import is_watched

log = get_logger(__name__)

#: A run that is not noted as sent for so long has failed (:func:`worker.tracking.losses.mark_lost`).
SENDING = timedelta(minutes=1)


class NotFailed(LookupError):
    """The job is gone, or has begun again."""


class BadArguments(ValueError):
    """The task does not take these arguments. ``field`` is ``args`` or ``kwargs``."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def obstacle(row: TrackedJob) -> str:
    """Why the task cannot be run again, whatever its arguments, as a sentence; empty where it can."""
    if not row.call:
        return _("What it was called with was not kept, because it is long or no JSON, so it cannot be run again.")
    if task_named(row.task) is None:
        return _("No module here declares this task, so it cannot be run again from here.")
    if not is_watched(row.task):
        return _("Tasks of this name are not watched any more: nobody would see what becomes of it.")
    return ""


def repeat(row: TrackedJob, args: list[Any], kwargs: dict[str, Any]) -> str:
    """Have the task called again with these values when the open transaction is committed; returns the new id.

    Raises:
        NotFailed: it is gone, or runs again.
    """
    new_id, queue = uuid(), _queue_of(row)
    origin = stored.repeat(
        row.pk,
        new_id,
        arguments=masking.shown(row.task, args, kwargs),
        call=kept_calls.kept(row.task, args, kwargs),
        queue=queue,
        sent_at=timezone.now(),
        lost_at=timezone.now() + SENDING,  # where this process is killed before it has sent it
    )
    if origin is None:
        raise NotFailed
    transaction.on_commit(partial(_send, row.task, (args, kwargs), origin, task_id=new_id, queue=queue or None))
    return new_id


def _queue_of(row: TrackedJob) -> str:
    """The queue that the call had said, as long as the application has it; empty where its routes decide."""
    declared = queues.declared(application())
    return row.queue if not declared or row.queue in declared else ""


def _send(task: str, values: tuple[list[Any], dict[str, Any]], origin: Origin, **options: Any) -> None:
    try:
        with origins.acting(origin):
            task_named(task).apply_async(*values, add_to_parent=False, **options)
    except Exception as error:  # noqa: BLE001  # each broker's library raises its own, and the row says it
        log.warning("job_not_sent", job=options["task_id"], task=task, error=type(error).__name__)
        stored.end(options["task_id"], JobState.FAILED, error=f"It was not sent: {type(error).__name__}.")
        return
    stored.note_sent(options["task_id"])
