"""Plain tasks of Celery that people watch although nobody has changed them: ``HUB_WATCHED_TASKS`` names them.

By Celery's signals alone, so in whatever application: each process that has the hub's apps installed writes down what
it sends and what it runs, and with what, so that one that has failed can be run again.
"""

from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from celery import signals
from celery.states import FAILURE, REJECTED, RETRY
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from hub.config import hub_settings
from hub.database import run_safely_on_commit
from hub.logs import get_logger
from worker import jobs, origins
from worker.models import JobSource, JobState
from worker.sending import MARK
from worker.tracking import kept_calls, masking, reporter, stored
from worker.tracking.handle import JobHandle
from worker.tracking.stored import Beginning

log = get_logger(__name__)

#: Attribute of a request: what shows that its task runs.
_WATCHED = "hub_watched"


def is_watched(task: str) -> bool:
    """Whether people watch the plain task of this name."""
    return any(fnmatchcase(task, pattern) for pattern in hub_settings().watched_tasks)


@signals.before_task_publish.connect
def _queue(sender: str, **message: Any) -> None:
    headers = message["headers"]
    if MARK in headers or headers.get("retries") or not is_watched(sender):
        return
    # After the commit: the message is on its way already, and its worker shall not wait for this transaction.
    body = message["body"]
    args, kwargs = body[:2] if isinstance(body, tuple | list) else ((), {})
    origin = origins.in_message(headers)
    queue = _queue_named(message.get("exchange"), message.get("routing_key"), message.get("declare"))
    # What waits for its time waits in the memory of a worker, and is before nobody.
    sent_at = None if headers.get("eta") else timezone.now()
    store = partial(_store, headers["id"], sender, args, kwargs, origin, queue=queue, sent_at=sent_at)
    run_safely_on_commit(store)


@signals.task_prerun.connect
def _begin(task: Any, task_id: str, args: Any, kwargs: Any, **others: Any) -> None:
    request = task.request
    if request.get(MARK) or request.is_eager or not is_watched(task.name):
        return
    try:
        info = request.delivery_info or {}
        queue = _queue_named(info.get("exchange"), info.get("routing_key"))
        _store(task_id, task.name, args, kwargs, origins.in_message(request), queue=queue)
        # What it runs with, which is not what it was called with first if it was tried again; and who has sent it may
        # not know the task, and so not which arguments are secrets.
        arguments, call = masking.shown(task.name, args, kwargs), kept_calls.kept(task.name, args, kwargs)
        begun = stored.begin(task_id, arguments=arguments, call=call, failed_at=None)
    except (DatabaseError, InterfaceError) as error:
        log.warning("job_not_reported", job=task_id, error=type(error).__name__)
        return
    if begun.how is not Beginning.RUN:  # it ran before; nobody can keep it from running again
        return
    origins.descend(task_id)
    handle = JobHandle(task_id, task)
    setattr(request, _WATCHED, handle)
    reporter.start(handle, begun.user_id)


@signals.task_postrun.connect
def _end(task: Any, task_id: str, state: str, retval: Any, args: Any, kwargs: Any, **others: Any) -> None:
    handle: JobHandle | None = task.request.get(_WATCHED)
    if handle is None:
        return
    reporter.release(handle)
    try:
        if state == RETRY:
            stored.retrying(task_id, _error(retval, task.name, args, kwargs))
        elif state == REJECTED and retval.args[1]:
            stored.requeue(task_id)
        elif state in {FAILURE, REJECTED}:
            stored.end(task_id, JobState.FAILED, error=_error(retval, task.name, args, kwargs))
        else:
            text = masking.without_secrets(retval, args, kwargs, task.name) if isinstance(retval, str) else ""
            stored.end(task_id, JobState.SUCCEEDED, result_text=jobs.shortened(text))
    except (DatabaseError, InterfaceError) as failure:
        log.warning("job_not_reported", job=task_id, error=type(failure).__name__)


@signals.task_revoked.connect
def _drop(sender: Any, request: Any, expired: bool, **others: Any) -> None:
    if is_watched(sender.name) and not getattr(request, MARK, None):
        state, error = (JobState.FAILED, jobs.EXPIRED) if expired else (JobState.CANCELLED, "")
        try:
            stored.end(request.id, state, error=error)
        except (DatabaseError, InterfaceError) as failure:
            log.warning("job_not_reported", job=request.id, error=type(failure).__name__)


def _error(retval: Any, task: str, args: Any, kwargs: Any) -> str:
    cause = getattr(retval, "exc", None) or retval
    return masking.without_secrets(f"{type(cause).__name__}: {cause}", args, kwargs, task)


def _queue_named(exchange: Any, routing_key: Any, declared: Any = ()) -> str:
    """The queue that a message goes to, or has come from; empty where an exchange of the broker decides."""
    if not getattr(exchange, "name", exchange):
        return str(routing_key or "")[:255]
    names = {str(getattr(one, "name", "")) for one in declared or ()}
    return names.pop()[:255] if len(names) == 1 else ""


def _store(task_id: str, task: str, args: Any, kwargs: Any, origin: origins.Origin, **columns: Any) -> None:
    """Store that the task was called, unless its worker has done so already."""
    arguments = masking.shown(task, args, kwargs)
    title = task.rpartition(".")[2].replace("_", " ").capitalize()
    stored.queue(
        task_id,
        source=JobSource.CELERY,
        task=task,
        title=title,
        arguments=arguments,
        origin=origin,
        is_replacing=False,
        call=kept_calls.kept(task, args, kwargs),
        **columns,
    )
