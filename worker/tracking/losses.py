"""Finds the jobs that nobody runs any more, so that none is shown as running for ever."""

import json
from collections.abc import Callable, Iterable
from functools import partial

from django.db import DatabaseError, InterfaceError
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from hub.logs import get_logger
from hub.logs.redaction import redact
from worker.models import Job, JobSource, JobState, TrackedJob
from worker.tracking import masking, stored

log = get_logger(__name__)

#: Jobs that one turn looks at.
LIMIT = 500

_GONE = "Nobody runs it any more."
_UNSENT = "Nobody knows whether it was sent: the process that was to send it is gone."
_OWED = Exists(Job.objects.filter(pk=OuterRef("pk"), failed_at=None))


def mark_lost() -> int:
    """Write down of each job that was not heard of in time what has become of it; returns of how many.

    A durable job that is still owed will run again. One that is owed no more has failed, or was given up in the admin.
    A plain task that somebody has run again, and that was not sent, has failed.
    Safe to call from any process at any time.
    """
    silent = TrackedJob.objects.filter(state=JobState.RUNNING, lost_at__lte=Now())
    durable = silent.filter(source=JobSource.DURABLE)
    others = silent.exclude(source=JobSource.DURABLE)
    lost = sum(_noted(row, partial(stored.lose, row.pk, will_run_again=True)) for row in durable.filter(_OWED)[:LIMIT])
    lost += sum(_noted(row, partial(stored.lose, row.pk, will_run_again=False, error=_GONE)) for row in others[:LIMIT])
    unsent = TrackedJob.objects.filter(source=JobSource.CELERY, state=JobState.QUEUED, ended_at=None)
    unsent = unsent.filter(lost_at__lte=Now())
    for row in unsent[:LIMIT]:
        lost += _noted(row, partial(stored.end, row.pk, JobState.FAILED, error=_UNSENT, only=unsent))
    return lost + _end(durable.exclude(_OWED)) + _end(_waiting_for_nothing())


def _noted(row: TrackedJob, write: Callable[[], bool]) -> bool:
    """What ``write`` returns. A row that cannot be written, or told, does not stand in the way of the others."""
    try:
        return write()
    except (DatabaseError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001  # whatever is wrong with it
        log.warning("job_not_reported", job=row.pk, error=type(error).__name__)
        return False


def _waiting_for_nothing() -> QuerySet[TrackedJob]:
    waiting = (JobState.QUEUED, JobState.RETRYING, JobState.LOST)
    return TrackedJob.objects.filter(source=JobSource.DURABLE, state__in=waiting, ended_at=None).exclude(_OWED)


def _end(rows: QuerySet[TrackedJob]) -> int:
    """End the jobs that are owed no more, as the rows say by which they were owed."""
    found: Iterable[TrackedJob] = list(rows[:LIMIT])
    errors = {job.pk: _error(job) for job in Job.objects.filter(pk__in=[row.pk for row in found])}
    ended = 0
    for row in found:
        if row.pk in errors:
            state, error = JobState.FAILED, errors[row.pk]
        else:
            state, error = JobState.LOST if row.state == JobState.RUNNING else JobState.CANCELLED, _GONE
        ended += _noted(row, partial(stored.end, row.pk, state, error=error, only=rows))
    return ended


def _error(job: Job) -> str:
    """Why the job has failed, as people may read it."""
    try:
        args, kwargs = json.loads(job.arguments)
        return masking.without_secrets(job.error, args, kwargs, job.task)
    except (ValueError, TypeError, AttributeError, RecursionError):  # such a row is why it has failed
        return redact(job.error)
