"""What a person has read, as rows: up to which alert all, single marks beyond it, and entries.

Callers hold the person's row (:func:`locked`) for their transaction.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from hub.users import Key, User, groups_of, memberships
from notifications.inbox import entries as inbox
from notifications.inbox import listing, reading
from notifications.kinds.declaring import have_past
from notifications.models import Follow, Notification, ReadMark, ReadUpTo

#: Marks that are kept of one person. What is older than so many that they have read counts as read too.
MARKS_KEPT = 1000

#: Longer than a transaction stays open: an alert that is not committed yet may have a smaller id than one that was
#: read, and must not be covered by it. Longer than a task may take (``HUB_TASK_TIME_LIMIT``) by default.
SETTLED = timedelta(minutes=10)


def locked(user: User) -> ReadUpTo:
    """What the person has read, for one transaction at a time: each then counts what the others have changed."""
    rows = ReadUpTo.objects.select_for_update()
    if found := rows.filter(pk=user.pk).first():
        return found
    ReadUpTo.objects.bulk_create([ReadUpTo(user=user)], ignore_conflicts=True)
    return rows.get(pk=user.pk)


def lock(people: Iterable[Key]) -> None:
    """As :func:`locked`, of several people at once; whoever locks some of them waits, and never in a ring."""
    keys = list(people)
    ReadUpTo.objects.bulk_create([ReadUpTo(user_id=key) for key in sorted(keys, key=str)], ignore_conflicts=True)
    list(ReadUpTo.objects.select_for_update().filter(pk__in=keys).order_by("pk").values_list("pk"))


def mark(user: User, read: ReadUpTo, ids: Collection[int]) -> set[int]:
    """Mark those of these alerts that are for the user; returns which had no mark before."""
    new = list(_unmarked(user).filter(pk__in=ids, pk__gt=read.upto).values_list("pk", flat=True))
    if have_past():
        new += _of_past(user, set(ids) - set(new))
    distributed = inbox.mark_read(user.pk, ids)
    add(user, new)
    if new:
        marks = ReadMark.objects.filter(user=user).order_by("-notification").values_list("notification", flat=True)
        if beyond := marks[MARKS_KEPT : MARKS_KEPT + 1]:
            move(read, beyond[0])
    return {*new, *distributed}


def add(user: User, ids: Iterable[int]) -> None:
    """Mark these alerts, which have no mark."""
    ReadMark.objects.bulk_create([ReadMark(user=user, notification_id=one) for one in ids], batch_size=500)


def add_missing(key: Key, alert: int) -> None:
    """Mark this alert of the user, where it has no mark and is newer than all that is read."""
    if not ReadUpTo.objects.filter(pk=key, upto__gte=alert).exists():
        ReadMark.objects.bulk_create([ReadMark(user_id=key, notification_id=alert)], ignore_conflicts=True)


def move(read: ReadUpTo, upto: int) -> None:
    """Let the person have read all up to ``upto``, if they have not; the marks below it say nothing more."""
    if upto > read.upto:
        read.upto = upto
        joined, table = groups_of(None).values("pk"), memberships()
        if table is not None and table.number_column:
            joined = table.rows._default_manager.filter(**{table.user: read.user_id}).order_by("-pk").values("pk")
        follows = Follow.objects.filter(user=read.user_id).order_by("-pk").values("pk")
        ReadUpTo.objects.filter(pk=read.pk).update(
            upto=upto,
            members_upto=Coalesce(Subquery(joined[:1]), 0),
            follows_upto=Coalesce(Subquery(follows[:1]), 0),
        )
        ReadMark.objects.filter(user=read.user_id, notification__lte=upto).delete()


def newest() -> int:
    """The id of the newest alert; 0 without any."""
    return _first(Notification.objects.order_by("-pk"))


def newest_settled() -> int:
    """The id of the newest alert before which no other one is still to be committed."""
    before = timezone.now() - SETTLED
    return _first(Notification.objects.filter(created_at__lt=before).order_by("-created_at", "-pk"))


def _first(rows: QuerySet[Notification]) -> int:
    return rows.values_list("pk", flat=True).first() or 0


def _of_past(user: User, ids: Collection[int]) -> list[int]:
    """Those of these alerts without a mark that are unread because their kinds say so (``past``)."""
    past = Notification.objects.filter(pk__in=ids, past=True)
    unmarked = past.exclude(pk__in=ReadMark.objects.filter(user=user).values("notification"))
    if not (found := list(unmarked.values_list("pk", flat=True))):
        return []
    return [row.pk for row in listing.theirs(reading.reader(user.pk), found) if not row.read]


def _joined_later(user: User) -> QuerySet[Any, Any]:
    """Memberships of ``user`` that began after an alert of their group was sent."""
    table = memberships()
    if table is None or not table.number_column:
        return groups_of(None)
    sent_before = {table.group: OuterRef("group"), "pk__gt": OuterRef("members_upto")}
    return table.rows._default_manager.filter(**{table.user: user.pk}, **sent_before)


def _unmarked(user: User) -> QuerySet[Notification]:
    """Alerts for ``user`` without a mark; none that a topic or a group had before they were in it, which are read."""
    follows = Follow.objects.filter(user=user, topic=OuterRef("topic"), after__lt=OuterRef("pk"))
    mine = (
        Q(user=user)
        | (Q(group__in=groups_of(user.pk)) & ~Q(Exists(_joined_later(user))))
        | Q(Exists(follows))
        | Q(user=None, group=None, topic=None, audience="")
    )
    return Notification.objects.filter(mine, folded=False).exclude(
        pk__in=ReadMark.objects.filter(user=user).values("notification")
    )
