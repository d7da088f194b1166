"""Alerts that join what their person has not read of the same kind and ``group_by``: all of them are one row.

The newest one stands for all, and is unread and on top; the others are folded: no list and no count has them. To open
pages it is as if they had been taken back, which clients of all sorts understand.

Who joins holds the person's row of :class:`~notifications.models.ReadUpTo`, as does whoever marks something as read or
archives it: an alert comes before that, and is in the row that was read, or after it, and starts a new one.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import IntegrityError
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Now

from hub.publishing import hold_channels
from hub.publishing import withdraw as withdraw_publications
from hub.users import Key
from notifications import channels
from notifications.inbox import read_marks
from notifications.models import Notification, NotificationState, ReadMark, ReadUpTo
from notifications.sending.withdrawing import replacement

#: What alerts of one row have in common: the person, the kind and the text.
_Line = tuple[Key, str, str]


def hold(rows: Iterable[Notification]) -> None:
    """Have what is read of those who get bundles stay as it is until the open transaction ends; else no query."""
    if people := {row.user_id for row in rows if row.bundle_by}:
        read_marks.lock(people)


@contextmanager
def joined(rows: Sequence[Notification]) -> Iterator[None]:
    """Have each of ``rows`` that has ``bundle_by`` join others, as they are stored in this block.

    Several of one bundle become one row, which joins what is there: the last of them stands for all. No query where
    none has ``bundle_by``.
    """
    lines: dict[_Line, list[Notification]] = {}
    for row in rows:
        if row.bundle_by:
            lines.setdefault((row.user_id, row.kind, row.bundle_by), []).append(row)
    if not lines:
        yield
        return
    before = [(row, row.expires_at, row.bundle_count) for row in rows]
    hold(rows)
    heads = _heads(lines)
    for line, new in lines.items():
        _join(new, heads.get(line))
    if heads:
        # All at once, before the first of them is written to.
        hold_channels({channels.of_alert(row) for row in rows if row.people is None and not row.folded})
        _fold(heads.values())
    try:
        yield
    except IntegrityError:  # what was stored meanwhile is looked at, and the others join again
        for row, expires_at, count in before:
            row.expires_at, row.folded, row.bundle_count = expires_at, False, count
        raise
    for new in lines.values():
        if len(new) > 1 and new[0].bundle is None:
            _note_bundle(new)


def _join(new: Sequence[Notification], head: Notification | None) -> None:
    whole = [*([] if head is None else [head]), *new]
    for row in new:
        row.bundle = None if head is None else head.bundle or head.pk
    newest = new[-1]
    newest.bundle_count = sum(row.bundle_count for row in whole)
    # As long as one of them is true, the row is.
    newest.expires_at = _latest([row.expires_at for row in whole])
    for row in new[:-1]:
        row.folded, row.bundle_count, row.expires_at = True, 1, None


def _latest(moments: Sequence[datetime | None]) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    return max(known) if len(known) == len(moments) else None


def _heads(lines: Iterable[_Line]) -> dict[_Line, Notification]:
    """What stands unread in the inboxes of these people, by line; of two of one line the newer one. One query."""
    people, kinds, texts = ({*parts} for parts in zip(*lines, strict=True))
    upto = Subquery(ReadUpTo.objects.filter(user=OuterRef("user")).values("upto"), output_field=BigIntegerField())
    of_it = {"user": OuterRef("user"), "notification": OuterRef("pk")}
    states = NotificationState.objects.filter(**of_it)
    is_unread = Q(pk__gt=F("upto")) & ~Exists(ReadMark.objects.filter(**of_it)) | Exists(states.filter(unread=True))
    found = (
        Notification.objects.filter(user__in=people, kind__in=kinds, bundle_by__in=texts, folded=False)
        .exclude(bundle_by="")
        .filter(Q(expires_at=None) | Q(expires_at__gt=Now()))
        .annotate(upto=Coalesce(upto, Value(0)))
        .filter(is_unread)
        .exclude(Exists(states.exclude(archived_at=None, snoozed_until=None)))
        .select_related("user")
        .order_by("pk")
    )
    wanted = set(lines)
    return {line: row for row in found if (line := (row.user_id, row.kind, row.bundle_by)) in wanted}


def _fold(heads: Iterable[Notification]) -> None:
    folded = list(heads)
    withdraw_publications([replacement(channels.of_alert(row), [row]) for row in folded])
    Notification.objects.filter(pk__in=[row.pk for row in folded]).update(
        folded=True, bundle=Coalesce("bundle", "pk"), bundle_count=1, expires_at=None
    )


def _note_bundle(rows: Sequence[Notification]) -> None:
    """Note of alerts that were stored together that they are one bundle."""
    first = min(row.pk for row in rows)
    Notification.objects.filter(pk__in=[row.pk for row in rows]).update(bundle=first)
    for row in rows:
        row.bundle = first
