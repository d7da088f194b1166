"""Tasks that are not lost: ``@shared_task(base=DurableTask)``.

A call is a row of the caller's transaction. Whatever then happens to the broker, to beat or to workers, the task is
run; see ``docs/howto/start-a-background-job.md``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any

from celery import signals
from celery.contrib.django.task import DjangoTask
from celery.exceptions import Ignore
from celery.result import AsyncResult
from celery.states import IGNORED, REJECTED
from celery.utils.time import maybe_make_aware
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone
from kombu.utils.uuid import uuid

from hub.config.queues import DEFAULT
from hub.database.transactions import run_on_commit
from hub.logs import get_logger
from worker import job_heartbeats, jobs, origins, sending
from worker.jobs import JobCall
from worker.operations.joining import SENT_AT

log = get_logger(__name__)

#: Options of a call that say how to reach the broker or what to do with the answer: nothing to be kept.
_NOT_KEPT = ("connection", "publisher", "router", "add_to_parent", "retry", "retry_policy")

#: Headers that say something of one message, and nothing of the next one of the same job.
_OF_A_MESSAGE = frozenset({sending.MARK, SENT_AT})

#: Attributes of a request. This run is held in ``worker.job_heartbeats``; what becomes of the row is not for this run
#: to say; the next try, to be stored and sent when this run is over.
_HELD, _LEFT, _NEXT = "hub_held", "hub_left", "hub_next"


class DurableTask(DjangoTask[Any, Any]):
    """A task that is run at least once when its call was committed, and not at all when it was rolled back.

    It must be harmless to run it twice, also at the same time: under the id of the task (``self.request.id``), which
    stays the same, ``notify(key=…)`` stores once.

    ``delay()`` and ``apply_async()`` return when the call is stored, and raise as any write to the database does. They
    do not mind a broker that is away. A task that raises, or uses up its retries, has failed for good: it is kept for
    the admin, where it can be sent again.

    ``waits_in`` is its queue, by what it is for (:mod:`hub.config.queues`) or as Celery names it.

    Not durable: a call by ``app.send_task``, an eager one, and results, of which the hub keeps none.
    """

    waits_in: str = DEFAULT

    def apply_async(
        self,
        args: Any = None,
        kwargs: Any = None,
        task_id: str | None = None,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        shadow: str | None = None,
        **options: Any,
    ) -> AsyncResult[Any]:
        """Store the call in the transaction that is open, and send it to the broker when that is committed.

        Takes the arguments of Celery's; those that name a connection are ignored, the others must be JSON values.
        """
        running = self._is_running(task_id)
        if self.app.conf.task_always_eager or (running and not self._has_a_row()):
            return super().apply_async(args, kwargs, task_id, producer, link, link_error, shadow, **options)
        args, kwargs = args or (), kwargs or {}
        if self.typing:
            self.__header__(*args, **kwargs)  # type: ignore[attr-defined]  # raises TypeError where they do not fit
        options |= {"link": link, "link_error": link_error, "shadow": shadow}
        call, eta, expires = self._to_be_stored(task_id or uuid(), args, kwargs, options)
        if running:
            self._try_again(replace(call, nonce=self._nonce()), eta)
        else:
            self._store_and_send(call, eta, expires)
        outer = self.app.current_worker_task
        if outer is not None and outer.request.id == call.id:
            setattr(outer.request, _LEFT, True)  # the row is that of this call now: the next try, or a replacement
        return self.AsyncResult(call.id)

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> AsyncResult[Any]:
        """As :meth:`delay`, which sends after the commit anyway."""
        return self.delay(*args, **kwargs)

    def apply_async_on_commit(self, *args: Any, **kwargs: Any) -> AsyncResult[Any]:
        """As :meth:`apply_async`, which sends after the commit anyway."""
        return self.apply_async(*args, **kwargs)

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Note that the job runs; one that has ended already is not run again."""
        if not self._has_a_row():
            return
        try:
            wanted = self._begin(task_id)
        except (DatabaseError, InterfaceError) as error:
            # Whether it has ended is not known. It is run, and fails by itself if it needs the database.
            _not_noted(task_id, error)
            self._hold(task_id, begun=False)
            return
        if not wanted:
            self._leave_row()
            raise Ignore
        self._hold(task_id, begun=True)

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Nothing is owed any more, unless the job has called itself again."""
        if self._owes():
            _note(task_id, partial(jobs.finish, nonce=self._nonce()))

    def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """It has failed for good. Where it had to be ended by force the worker itself says so, outside the task."""
        error = f"{type(exc).__name__}: {exc}"
        if self._has_a_row():
            _note(task_id, partial(jobs.fail, error=error, nonce=self._nonce()))
        elif self.request.called_directly:
            _note(task_id, partial(jobs.fail, error=error, begun=True))

    def on_replace(self, sig: Any) -> Any:
        """Put another job in the place of this one: from one moment to the next, the one is owed or the other."""
        if not self._has_a_row():
            return super().on_replace(sig)
        with transaction.atomic():
            sig.delay()
            if not self.request.get(_LEFT):
                jobs.finish(str(self.request.id), self._nonce())
        self._leave_row()
        raise Ignore("Replaced by another job")

    def ending(self, state: str, retval: Any) -> None:
        """Called when a run is over, however it ended, before its row is told. For subclasses."""

    def _begin(self, task_id: str) -> bool:
        """Store that the job runs; returns whether it is to. Raises ``django.db.Error``."""
        return jobs.begin(task_id, self._nonce())

    def _owes(self) -> bool:
        """Whether what becomes of the row is for this run to say."""
        return self._has_a_row() and not self.request.get(_LEFT)

    def _leave_row(self) -> None:
        """What becomes of the row is not for this run to say."""
        setattr(self.request, _LEFT, True)

    def _is_running(self, task_id: str | None) -> bool:
        """Whether this is called from the task of this id, which wants to be tried again."""
        return task_id is not None and self.request.id == task_id and not self.request.called_directly

    def _has_a_row(self) -> bool:
        return bool(self.request.get(sending.MARK)) and not self.request.is_eager

    def _nonce(self) -> str | None:
        """The nonce of the call that runs now; None where another version of the hub has sent it."""
        return _nonce_of(self.request)

    def _to_be_stored(
        self, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: dict[str, Any]
    ) -> tuple[JobCall, datetime | None, datetime | None]:
        """The call with moments instead of spans of time, which would begin again each time that it is sent."""
        zone = self.app.timezone
        eta = _moment(options.pop("countdown", None) or options.pop("eta", None), zone)
        expires = _moment(options.pop("expires", None) or self.expires, zone)
        kept = {name: value for name, value in options.items() if value is not None and name not in _NOT_KEPT}
        kept |= {name: moment.isoformat() for name, moment in (("eta", eta), ("expires", expires)) if moment}
        for name in ("queue", "exchange"):
            if name in kept:
                kept[name] = getattr(kept[name], "name", kept[name])
        kept.setdefault("ignore_result", self.ignore_result)
        # A next try has the headers of this one: those that each message gets of its own are not to be stored.
        said = {name: value for name, value in (kept.pop("headers", None) or {}).items() if name not in _OF_A_MESSAGE}
        if headers := {**(origins.headers() or {}), **said}:
            kept["headers"] = headers
        return JobCall(task_id, str(self.name), args, dict(kwargs), kept), eta, expires

    def _store(self, call: JobCall, eta: datetime | None, expires: datetime | None) -> JobCall:
        """Store the call, in the transaction that is open; returns it as whoever reads the row gets it."""
        return jobs.store(call, eta=eta, expires=expires)

    def _store_and_send(self, call: JobCall, eta: datetime | None, expires: datetime | None) -> None:
        stored = self._store(call, eta, expires)
        if eta is None or not jobs.is_for_later(eta):
            run_on_commit(partial(_send, stored))

    def _try_again(self, call: JobCall, eta: datetime | None) -> None:
        """Store and send the next try of the job that is running now.

        In a transaction that is for the end of the run: the error that leads here may roll it back, and the row with
        it. What is committed with it is owed all the same.
        """
        if not connection.in_atomic_block:
            self._store_and_send_next(call, eta)
            return
        setattr(self.request, _NEXT, (call, eta))
        try:
            stored = jobs.store_retry(call, eta=eta, waits=eta is not None and jobs.is_for_later(eta))
            setattr(self.request, _NEXT, (stored, eta))
        except (DatabaseError, InterfaceError) as error:
            _not_noted(call.id, error)

    def _store_and_send_next(self, call: JobCall, eta: datetime | None) -> None:
        """Send the next try at once, or where that is for later, shortly before its time.

        Raises only where neither database nor broker takes it; then the row of this run leads to the next one.
        """
        waits = eta is not None and jobs.is_for_later(eta)
        try:
            call = jobs.store_retry(call, eta=eta, waits=waits)
        except (DatabaseError, InterfaceError) as error:
            _not_noted(call.id, error)
            self._leave_row()
            sending.pass_on(call)
        else:
            if not waits:
                _send(call)

    def _hold(self, task_id: str, *, begun: bool) -> None:
        job_heartbeats.start(task_id, self._nonce(), begun=begun)
        setattr(self.request, _HELD, True)


def _nonce_of(request: Any) -> str | None:
    nonce = getattr(request, sending.MARK, None)
    return nonce if isinstance(nonce, str) else None


def _moment(value: float | str | datetime | None, zone: tzinfo) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return maybe_make_aware(value, zone)
    return timezone.now() + timedelta(seconds=value)


def _send(call: JobCall) -> None:
    """Send it now, or as soon as the broker is back."""
    if not sending.send(call):
        _note(call.id, jobs.unclaim)


def _note(task_id: str, write: Callable[[str], None]) -> None:
    try:
        write(task_id)
    except (DatabaseError, InterfaceError) as error:
        _not_noted(task_id, error)


def _not_noted(task_id: str, error: Exception) -> None:
    """The row says less than what has happened, so that the job may be run once more."""
    log.warning("job_not_noted", job=task_id, error=type(error).__name__)
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()  # so that the next one who uses it gets one that works


@signals.task_postrun.connect
def _end(sender: Any, task_id: str, state: str, retval: Any, **kwargs: Any) -> None:
    """A run is over: it is held no more. One that Celery tells nobody of (``Ignore``, ``Reject``) is noted here."""
    if not isinstance(sender, DurableTask):
        return
    sender.ending(state, retval)
    nonce = sender._nonce()
    if sender.request.get(_HELD):
        job_heartbeats.release(task_id, nonce)
    if following := sender.request.get(_NEXT):
        sender._store_and_send_next(*following)
    if not sender._owes():
        return
    if state == IGNORED:
        _note(task_id, partial(jobs.finish, nonce=nonce))
    elif state == REJECTED:
        reason, requeue = retval.args
        if requeue:
            _note(task_id, partial(jobs.requeue, nonce=nonce))
        else:
            _note(task_id, partial(jobs.fail, error=f"Rejected: {reason}", nonce=nonce))


@signals.task_revoked.connect
def _forget(sender: Any, request: Any, terminated: bool, expired: bool, **kwargs: Any) -> None:
    """A worker has dropped a job as it was told to, and nothing is owed any more; or because it came too late."""
    if not isinstance(sender, DurableTask) or terminated:
        return
    nonce = _nonce_of(request)
    if expired:
        _note(request.id, partial(jobs.expire, nonce=nonce))
    else:
        log.warning("job_dropped", job=request.id)
        _note(request.id, partial(jobs.finish, nonce=nonce))
