"""The alerts of a bundle: what stands under the row that somebody opens."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from hub.channels import LAST_ID
from hub.users import Visitor
from notifications.inbox import listing, reading
from notifications.kinds import wording
from notifications.models import Notification
from notifications.offers import chosen as chosen_actions


@dataclass(frozen=True, slots=True)
class BundlePart:
    """Alerts of a bundle, newest first, each with its own texts and buttons.

    Args:
        alerts: each is read, seen, archived or snoozed as their row is.
        next: the ``before`` of the part that follows; 0 where nothing follows.
    """

    alerts: Sequence[Notification] = ()
    next: int = 0


def bundle_for(user: Visitor, *, id: int, before: int = LAST_ID, limit: int) -> BundlePart:  # noqa: A002  # as callers know it
    """The newest ``limit`` alerts of the bundle that has the alert ``id``, which are older than the id ``before``.

    An alert that stands alone is its own bundle. Empty where ``user`` has no such alert.
    """
    reader = reading.reader(user.pk)
    shown = shown_as(reader, id)
    if shown is None:
        return BundlePart()
    rows = Notification.objects.filter(pk=shown.pk) if shown.bundle is None else _of(shown.bundle)
    found = list(rows.filter(pk__lt=before).select_related("topic").order_by("-pk")[: limit + 1])
    for row in found:
        row.bundle_count = 1
        row.read, row.seen = shown.read, shown.seen
        row.archived_at, row.snoozed_until = shown.archived_at, shown.snoozed_until
    chosen_actions.note(found, reader.key)
    wording.localise(found, reader.key)
    return BundlePart(found[:limit], found[limit - 1].pk if len(found) > limit else 0)


def shown_as(reader: reading.Reader, alert: int) -> Notification | None:
    """What the reader's lists have in place of this alert: itself, or what it is folded under; None without either."""
    for folded_under in Notification.objects.filter(pk=alert, folded=True).values_list("bundle", flat=True):
        alert = _of(folded_under or 0).filter(folded=False).values_list("pk", flat=True).first() or 0
    return next(iter(listing.theirs(reader, [alert])), None)


def _of(bundle: int) -> QuerySet[Notification]:
    return Notification.objects.filter(bundle=bundle)
