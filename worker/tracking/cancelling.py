"""Ends jobs that people do not want any more, with those that they have called."""

from django.db import transaction

from worker import jobs
from worker.application import application
from worker.models import JobSource, JobState, TrackedJob
from worker.tracking import queries, stored


def cancel(row: TrackedJob) -> int:
    """Cancel a job, and the jobs below it; returns how many were not over yet.

    What waits is over at once. What runs ends within two seconds, when its function says again how far it is or calls
    ``check()``. A running task of Celery that is only watched goes on: nobody can ask it to stop.
    """
    found = [one for one in (row, *queries.below(row)) if one.is_cancellable]
    return sum([_cancel(one) for one in found])


def _cancel(row: TrackedJob) -> bool:
    with transaction.atomic():
        now = TrackedJob.objects.select_for_update().filter(pk=row.pk, ended_at=None).first()
        if now is None:
            return False
        if not now.is_waiting or now.source == JobSource.API:
            return stored.ask_to_cancel(now.pk)
        if now.source == JobSource.DURABLE:
            jobs.finish(now.pk)
        else:
            transaction.on_commit(lambda: application().control.revoke(now.pk), robust=True)
        return stored.end(now.pk, JobState.CANCELLED)
