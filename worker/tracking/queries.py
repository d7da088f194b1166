"""Which jobs people see."""

from typing import TYPE_CHECKING, Any

from hub.users import User, Visitor
from worker.models import TrackedJob

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: Who may see the jobs of everybody, and cancel them.
SEE_ALL, CANCEL_ALL = "hub_worker.view_trackedjob", "hub_worker.change_trackedjob"


def may(user: Visitor, permission: str) -> bool:
    """Whether the person has this permission; a user model may have none. May ask the database."""
    has_permission = getattr(user, "has_perm", None)
    return user.is_active and has_permission is not None and bool(has_permission(permission))


def jobs_of(user: User) -> "QuerySet[TrackedJob]":
    """The jobs that the person has started, and those that followed from them, newest first."""
    return TrackedJob.objects.filter(owner=user).order_by("-created_at", "-pk")


def all_jobs() -> "QuerySet[TrackedJob]":
    """The jobs of everybody, newest first."""
    return TrackedJob.objects.order_by("-created_at", "-pk")


def visible_to(user: Visitor, job_id: str, permission: str = SEE_ALL) -> TrackedJob | None:
    """The job of this id: one's own, or anybody's for those who have ``permission``."""
    row = TrackedJob.objects.filter(pk=job_id).first() if user.is_authenticated else None
    return row if row is not None and (row.owner_id == user.pk or may(user, permission)) else None


def below(row: TrackedJob) -> list[TrackedJob]:
    """The jobs that this one has called, those that they have called, and so on."""
    tree = list(TrackedJob.objects.filter(root=row.root or row.pk).defer("log"))
    found: dict[str, Any] = {row.pk: row}
    while more := [one for one in tree if one.parent in found and one.pk not in found]:
        found |= {one.pk: one for one in more}
    return [one for key, one in found.items() if key != row.pk]
