"""Sends jobs to the broker after their rows are committed, and sends them again if they have no heartbeat."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

from django.db.models import Q
from kombu.exceptions import EncodeError

from hub.logs import get_logger
from worker import jobs, queues
from worker.application import application
from worker.jobs import JobCall

log = get_logger(__name__)

#: What the messages of jobs carry, to be told from those of tasks that have no row: the nonce of the call.
MARK = "hub_job"

#: Seconds without another try after the broker has not taken a message: who calls a task shall not wait for it.
PAUSE = 2.0

#: The most jobs that one turn sends again, and how many of them it claims at a time.
TURN, CHUNK = 1000, 100

#: What is raised where no message can be made of a call, such as a queue that nobody has declared.
_UNSENDABLE = (EncodeError, LookupError, TypeError, ValueError)

_away_until = float("-inf")


def send(call: JobCall) -> bool:
    """Send the job to the broker; returns whether the broker took it. Never raises for the broker; takes 2 s at most.

    Where it does not, the row of the job waits for :func:`send_overdue`. A job of which no message can be made is
    tried again after its timeout, and delays no other.
    """
    if time.monotonic() < _away_until:
        return False
    try:
        # There are few. Who had to wait for one looks again: whoever had it before may know that the broker is away.
        with application().producer_or_acquire() as producer:
            if time.monotonic() < _away_until:
                return False
            try:
                pass_on(call, producer)
            except _UNSENDABLE as error:
                log.error("job_not_sent", job=call.id, task=call.task, error=f"{type(error).__name__}: {error}")  # noqa: TRY400  # all is said
            except Exception:
                _pause()  # while nobody else has this producer yet
                raise
    except Exception as error:  # noqa: BLE001  # each broker's library raises its own, and the row is there
        _pause()
        log.warning("job_waits", job=call.id, task=call.task, error=type(error).__name__)
        return False
    return True


def pass_on(call: JobCall, producer: Any = None) -> None:
    """Give the job to the broker, by ``producer`` if there is one; raises what the broker's library raises."""
    options = queues.placed(call.task, call.options)
    options["headers"] = {**(options.pop("headers", None) or {}), MARK: call.nonce or True}
    options |= {"task_id": call.id, "producer": producer, "add_to_parent": False}
    # By its name: a task that this process does not know may have been stored by another version of the code.
    application().send_task(call.task, call.args, call.kwargs, **options)


def send_overdue(*, only: Q | None = None) -> int:
    """Send again what nothing was heard of for too long, with ``only`` of these rows; returns how many jobs.

    Safe to call from any process at any time. Ends its turn when the broker does not answer.
    """
    sent = 0
    while sent < TURN:
        calls = jobs.claim(CHUNK, only=only)
        taken = sum(1 for _ in takewhile(send, calls))
        sent += taken
        if taken < len(calls):
            jobs.unclaim(*(call.id for call in calls[taken:]))
            break
        if len(calls) < CHUNK:
            break
    if sent:
        log.warning("jobs_sent_again", jobs=sent)
    return sent


def retry(job_ids: Collection[str]) -> int:
    """Let jobs that failed for good begin again; returns how many those were.

    What only records that a task without a row was not called stays as it is.
    """
    calls = jobs.retry(job_ids)
    for call in calls:
        send(call)
    return len(calls)


@contextmanager
def held() -> Iterator[None]:
    """For :mod:`hub.testing`: send nothing in this block. Jobs wait in their rows, as while the broker is away."""
    global _away_until
    before, _away_until = _away_until, float("inf")
    try:
        yield
    finally:
        _away_until = before


def _pause() -> None:
    global _away_until
    _away_until = time.monotonic() + PAUSE
