"""Queues that are paused and workers that are drained, as rows. Workers hear of a change within two seconds."""

from datetime import timedelta

from django.db.models.functions import Now

from hub.database import run_safely_on_commit
from worker.operations import reports
from worker.operations.models import DrainedWorker, PausedQueue

#: How long it is remembered that a run of a worker was drained: longer than anybody leaves one so.
KEPT = timedelta(days=90)


def paused() -> set[str]:
    """The queues that no worker is to read."""
    return set(PausedQueue.objects.values_list("name", flat=True))


def pause(queue: str) -> bool:
    """Have no worker read the queue; returns whether it was read. What workers have begun they finish."""
    return _told(PausedQueue.objects.get_or_create(name=queue)[1])


def resume(queue: str) -> bool:
    """Have workers read the queue again; returns whether it was paused."""
    return _told(PausedQueue.objects.filter(name=queue).delete()[0])


def drained() -> set[str]:
    """The runs of workers that are to begin nothing new."""
    return set(DrainedWorker.objects.values_list("run", flat=True))


def is_drained(run: str) -> bool:
    """Whether this run of a worker is to begin nothing new."""
    return DrainedWorker.objects.filter(pk=run).exists()


def drain(run: str) -> bool:
    """Have this run of a worker finish what it has and begin nothing new; returns whether that is news."""
    return _told(DrainedWorker.objects.get_or_create(run=run)[1])


def undrain(run: str) -> bool:
    """Have it take work again; returns whether it was drained."""
    return _told(DrainedWorker.objects.filter(pk=run).delete()[0])


def _told(changes: int) -> bool:
    """Whether there was a change; if so workers are told of it after the commit."""
    if changes:
        run_safely_on_commit(reports.note_change)
    return bool(changes)


def prune() -> int:
    """Forget drained workers that are long gone; returns how many."""
    return DrainedWorker.objects.filter(drained_at__lt=Now() - KEPT).delete()[0]
