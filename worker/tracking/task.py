"""The class of tasks whose life people watch: durable tasks that write down what becomes of them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from celery import signals
from celery.exceptions import Ignore, SoftTimeLimitExceeded
from celery.states import IGNORED, REJECTED
from django.db import DatabaseError, InterfaceError, connection

from hub.logs import get_logger
from worker import jobs, origins
from worker.durable import DurableTask
from worker.jobs import JobCall
from worker.models import JobSource, JobState
from worker.tracking import masking, reporter, stored
from worker.tracking.handle import JobHandle, JobTimedOut
from worker.tracking.stored import Beginning, Begun

log = get_logger(__name__)

#: Attributes of a request: the handle of the run, and how it began.
_HANDLE, _BEGUN = "hub_handle", "hub_begun"


class TrackedTask(DurableTask):
    """A durable task whose calls people watch; made by :func:`worker.tracking.job`.

    ``title`` is what they are called, ``timeout`` the seconds that a run may take, and ``reruns`` whether one whose
    worker was lost runs again.
    """

    title: Any = ""
    timeout: float | None = None
    reruns = True

    def handle(self) -> JobHandle:
        """The handle of the run that is under way; outside of a run one that nobody looks at."""
        found: JobHandle | None = self.request.get(_HANDLE)
        return found or JobHandle(str(self.request.id or ""), self)

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Write down that the job runs, unless it is over already, and was run again for safety."""
        super().before_start(task_id, args, kwargs)
        begun: Begun | None = self.request.get(_BEGUN)
        if begun is None:  # it has no row, or that could not be written
            begun = _noted(task_id, partial(stored.begin, task_id, reruns=self.reruns)) or Begun(Beginning.RUN)
        if begun.how is Beginning.OVER:
            raise Ignore("It is over already.")
        if begun.how is Beginning.LOST:
            _noted(task_id, partial(jobs.fail, task_id, "Its worker was lost while it ran.", self._nonce()))
            self._leave_row()
            raise Ignore("Its worker was lost, and it does not run again.")
        origins.descend(task_id)
        self._hold_handle(task_id, begun)

    def _begin(self, task_id: str) -> bool:
        owed = partial(jobs.begin, task_id, self._nonce())
        begun = stored.begin(task_id, reruns=self.reruns, begin_owed=owed)
        setattr(self.request, _BEGUN, begun)
        return begun.how is not Beginning.NOT_OWED

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """It is told as its row goes: a job of which nobody has heard the end is run again."""
        handle = self.handle()
        text = handle.result_text or (retval if isinstance(retval, str) and not handle.result_url else "")
        text = jobs.shortened(masking.without_secrets(text, args, kwargs, str(self.name)))
        finish = partial(jobs.finish, task_id, self._nonce()) if self._owes() else None
        if not self._end(task_id, JobState.SUCCEEDED, finish, result_text=text, result_url=handle.result_url):
            super().on_success(retval, task_id, args, kwargs)

    def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """It has failed for good, or took too long."""
        self._end(task_id, JobState.FAILED, error=self._error(exc, args, kwargs))
        super().on_failure(exc, task_id, args, kwargs, einfo)

    def on_retry(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """It will be tried again."""
        super().on_retry(exc, task_id, args, kwargs, einfo)
        _noted(task_id, partial(stored.report, {task_id: self.handle().columns()}))
        _noted(task_id, partial(stored.retrying, task_id, self._error(exc, args, kwargs)))

    def on_replace(self, sig: Any) -> Any:
        """Its part is done: the job in its place is a child of it."""
        self._end(str(self.request.id), JobState.SUCCEEDED)
        return super().on_replace(sig)

    def _store(self, call: JobCall, eta: datetime | None, expires: datetime | None) -> JobCall:
        def owe() -> None:
            nonlocal call
            call = super(TrackedTask, self)._store(call, eta, expires)

        stored.queue(
            call.id,
            source=JobSource.DURABLE,
            task=call.task,
            title=str(self.title or call.task),
            arguments=masking.shown(call.task, call.args, call.kwargs),
            origin=origins.in_message(call.options.get("headers") or {}),
            store_owed=owe,
        )
        return call

    def _hold_handle(self, task_id: str, begun: Begun) -> None:
        handle = JobHandle(task_id, self, self.timeout)
        if begun.row is not None:
            handle.lines.extend((at, text) for at, text in begun.row.log)
        setattr(self.request, _HANDLE, handle)
        if not self.request.is_eager:  # there the test that runs it has the database to itself
            reporter.start(handle, begun.user_id)

    def _end(
        self, task_id: str, state: JobState, end_owed: Callable[[], object] | None = None, **columns: Any
    ) -> bool:
        """Tell the end, and in the same transaction that it is owed no more; returns whether the latter is stored."""
        handle: JobHandle | None = self.request.get(_HANDLE)
        if handle is not None:
            reporter.release(handle)
            columns |= handle.columns()
        if (begun := self.request.get(_BEGUN)) and begun.row is not None:
            columns["user_id"] = begun.user_id
        if end_owed is not None:
            columns["end_owed"] = end_owed
        is_noted = _noted(task_id, partial(stored.end, task_id, state, **columns)) is not None
        return is_noted and end_owed is not None

    def _error(self, exc: BaseException, args: Any, kwargs: Any) -> str:
        cause = getattr(exc, "exc", None) or exc  # what ``retry()`` was given
        if isinstance(cause, SoftTimeLimitExceeded):
            cause = JobTimedOut(f"It took longer than {self.timeout or self.soft_time_limit} seconds.")
        said = str(cause) if isinstance(cause, JobTimedOut) else f"{type(cause).__name__}: {cause}"
        return masking.without_secrets(said, args, kwargs, str(self.name))

    def ending(self, state: str, retval: Any) -> None:
        """Note the ends of which Celery tells the task nothing: it was cancelled, requeued or rejected."""
        handle: JobHandle | None = self.request.get(_HANDLE)
        if handle is None:
            return
        reporter.release(handle)
        if state == IGNORED:
            self._end(handle.id, JobState.CANCELLED)
        elif state == REJECTED and retval.args[1]:
            _noted(handle.id, partial(stored.requeue, handle.id))
        elif state == REJECTED:
            self._end(handle.id, JobState.FAILED, error=f"Rejected: {retval.args[0]}")


def _noted(task_id: str, write: Callable[[], Any]) -> Any:
    """What ``write`` returns; None where the database does not take it. The job is what counts, not who watches it."""
    try:
        return write()
    except (DatabaseError, InterfaceError) as error:
        log.warning("job_not_reported", job=task_id, error=type(error).__name__)
        if not connection.in_atomic_block:
            with suppress(DatabaseError, InterfaceError):
                connection.close_if_unusable_or_obsolete()
        return None


@signals.task_revoked.connect
def _forget(sender: Any, request: Any, terminated: bool, expired: bool, **kwargs: Any) -> None:
    """A worker has dropped a job as it was told to, or because it came too late."""
    if isinstance(sender, TrackedTask) and not terminated:
        state, error = (JobState.FAILED, jobs.EXPIRED) if expired else (JobState.CANCELLED, "")
        _noted(request.id, partial(stored.end, request.id, state, error=error))
