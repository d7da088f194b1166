"""Which jobs people see."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.db.models.functions import Now

from hub.users import User, Visitor, may
from worker.models import Job, JobSource, JobState, TrackedJob

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: Jobs of a tree that are looked at: one that calls itself every few seconds makes a tree without end.
TREE_LIMIT: Final = 10_000

#: The last place in a queue that is told: who stands behind it waits for long, whatever the number is.
PLACES_LIMIT: Final = 1000

#: Who may see the jobs of everybody, and cancel them.
SEE_ALL, CANCEL_ALL = "hub_worker.view_trackedjob", "hub_worker.change_trackedjob"


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


def older(rows: "QuerySet[TrackedJob]", than: TrackedJob) -> "QuerySet[TrackedJob]":
    """Those of these lists, newest first, that stand behind this job."""
    return rows.filter(Q(created_at__lt=than.created_at) | Q(created_at=than.created_at, pk__lt=than.pk))


def places(rows: Iterable[TrackedJob]) -> dict[str, int]:
    """The place in the queue of each of these jobs that waits there, the next one first; by their ids.

    Counted among the jobs of the same queue that are owed and have not begun, tracked or not. Those behind the first
    :data:`PLACES_LIMIT` have none. That of a plain task of Celery is an estimate (:func:`_places_of_plain`).
    """
    waiting = [row for row in rows if row.state == JobState.QUEUED]
    durable = {row.pk for row in waiting if row.source == JobSource.DURABLE}
    plain = {row.pk: row for row in waiting if row.source == JobSource.CELERY and row.sent_at and not row.runs}
    return _places_of_durable(durable) | _places_of_plain(plain)


def _places_of_durable(waiting: set[str]) -> dict[str, int]:
    if not waiting:
        return {}
    found = dict[str, int]()
    for queue in set(Job.objects.filter(pk__in=waiting).values_list("queue", flat=True)):
        numbered = enumerate(_in_order(queue).values_list("pk", flat=True)[:PLACES_LIMIT], 1)
        found.update((pk, place) for place, pk in numbered if pk in waiting)
    return found


def _in_order(queue: str) -> "QuerySet[Job]":
    """What is owed in this queue and has not begun."""
    # The order of the index, so that neither what is for later is looked at nor what stands behind the last place.
    owed = Job.objects.filter(queue=queue, failed_at=None, starts=0, due_at__lte=Now())
    return owed.order_by("due_at", "created_at", "pk")


def _places_of_plain(waiting: Mapping[str, TrackedJob]) -> dict[str, int]:
    """Estimates, by what the hub knows of each queue: the tasks that are watched, and durable jobs.

    A queue gives out what was sent first. So what was sent before the newest task that has begun is in the queue no
    more: a worker holds it, or the broker has lost it. It is before nobody, and has no place.
    """
    found = dict[str, int]()
    for queue in {row.queue for row in waiting.values()}:
        of_queue = TrackedJob.objects.filter(queue=queue).exclude(sent_at=None)
        begun = of_queue.exclude(started_at=None).order_by("-sent_at").values_list("sent_at", flat=True).first()
        left = of_queue.filter(started_at=None, ended_at=None, **({"sent_at__gt": begun} if begun else {}))
        plain = left.order_by("sent_at", "pk").values_list("sent_at", "pk")[:PLACES_LIMIT]
        durable = _in_order(queue).values_list("due_at", "pk")[:PLACES_LIMIT]
        in_order = sorted([*plain, *durable])[:PLACES_LIMIT]
        found.update((pk, place) for place, (_at, pk) in enumerate(in_order, 1) if pk in waiting)
    return found


def below(row: TrackedJob) -> list[TrackedJob]:
    """The jobs that this one has called, those that they have called, and so on, as far as they are not over.

    Among the newest :data:`TREE_LIMIT` of its tree.
    """
    tree = TrackedJob.objects.filter(root=row.root or row.pk).order_by("-created_at")
    children = defaultdict[str, list[str]](list)
    for key, parent in tree.values_list("pk", "parent")[:TREE_LIMIT]:
        children[parent].append(key)
    found, wanted = set[str](), [row.pk]
    while wanted:
        new = [key for key in children.pop(wanted.pop(), []) if key not in found]
        found.update(new)
        wanted += new
    return list(TrackedJob.objects.filter(pk__in=found - {row.pk}, ended_at=None).defer("log", "call"))
