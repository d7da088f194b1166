"""Who has done what on the operations page."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models.functions import Now

from hub.logs import get_logger
from hub.users import User, user_id
from worker.operations.models import Operation, OperationRecord

if TYPE_CHECKING:
    from django.db.models import QuerySet

log = get_logger(__name__)

#: How long it is kept.
KEPT: Final = timedelta(days=365)


def record(person: User, operation: Operation, target: str) -> None:
    """Store in the open transaction that this person has done this, and log it."""
    OperationRecord.objects.create(person=person, operation=operation, target=target[:255])
    log.warning("operation", operation=operation.value, target=target[:255], user=user_id(person))


def newest() -> "QuerySet[OperationRecord]":
    """All of them, newest first, with their people."""
    return OperationRecord.objects.select_related("person").order_by("-at", "-pk")


def export_of(user: User) -> list[dict[str, Any]]:
    """What this person has done, oldest first."""
    rows = OperationRecord.objects.filter(person=user).order_by("at", "pk")
    return [{"at": row.at.isoformat(), "operation": row.operation, "target": row.target} for row in rows]


def take_out(user: User) -> None:
    """What was done stays, and nobody has done it."""
    OperationRecord.objects.filter(person=user).update(person=None)


def prune() -> int:
    """Delete what is older than :data:`KEPT`; returns how many."""
    return OperationRecord.objects.filter(at__lt=Now() - KEPT).delete()[0]
