"""The jobs that have failed, and that nobody has had run again: durable ones, and plain tasks that people watch."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Value

from worker.models import Job, TrackedJob
from worker.operations.correcting import Failed

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: The id of a job, whether it is a plain task, and when it failed.
Key = tuple[str, bool, datetime]


def newest(limit: int) -> list[Failed]:
    """So many, the newest first."""
    found: list[Failed] = [*_of(Job)[:limit], *_of(TrackedJob)[:limit]]
    return sorted(found, key=lambda job: (job.failed_at, job.pk), reverse=True)[:limit]


def number() -> int:
    """How many there are."""
    return _of(Job).count() + _of(TrackedJob).count()


def named(job_id: str) -> Failed | None:
    """The one of this id; None where it is gone, or runs again."""
    return _of(Job).filter(pk=job_id).first() or _of(TrackedJob).filter(pk=job_id).first()


def keys() -> "QuerySet[Any, Key]":
    """All of them, the newest first."""
    durable, plain = (
        _of(model).order_by().annotate(is_plain=Value(model is TrackedJob)).values_list("id", "is_plain", "failed_at")
        for model in (Job, TrackedJob)
    )
    found: QuerySet[Any, Key] = durable.union(plain, all=True).order_by("-failed_at", "-id")
    return found


def in_order(of: list[Key]) -> list[Failed]:
    """The jobs of these keys, as far as they are still there."""
    by_kind: dict[bool, dict[str, Failed]] = {
        is_plain: _of(model).in_bulk([key for key, plain, _ in of if plain == is_plain])
        for is_plain, model in ((False, Job), (True, TrackedJob))
    }
    return [by_kind[is_plain][key] for key, is_plain, _ in of if key in by_kind[is_plain]]


def _of(model: Any) -> "QuerySet[Any]":
    found: QuerySet[Any] = model.objects.exclude(failed_at=None).order_by("-failed_at", "-pk")
    return found
