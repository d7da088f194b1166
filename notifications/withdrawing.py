"""Taking alerts back that should not be read any more, from the lists and from the histories of their channels."""

import time

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from hub.publishing import flush, is_shared, publish_shared, replace_shared, share
from hub.publishing import withdraw as withdraw_publications
from hub.users import ids_of_keys
from notifications import channels, distributing, events
from notifications.models import Distribution, InboxEntry, Notification, Withdrawal

#: Alerts that one statement looks for in the history of their channel.
PIECE = 100


def withdraw(alerts: QuerySet[Notification]) -> int:
    """Delete ``alerts``, and put :class:`~notifications.events.AlertsWithdrawn` in the place of their publications.

    After the commit no list and no history has them, for those who come back neither. Open pages of the hub's own
    scripts take them out of their lists; what other clients have received stays with them. Those who have an alert of
    many are told a moment later, by a job (:func:`run`).

    Returns how many alerts that were.
    """
    with transaction.atomic():
        distributed = list(alerts.exclude(audience="").order_by("pk").values_list("pk", flat=True))
        for pk in distributed:
            _withdraw_distributed(pk)
        ids_of: dict[str, list[int]] = {}
        for row in alerts.filter(audience="").select_related("user", "topic").order_by("pk"):
            if row.topic_id is not None and row.topic is None:
                continue  # its channel went with the topic, and the row follows (hub.database.deletions)
            ids_of.setdefault(channels.of_alert(row), []).append(row.pk)
        for channel, ids in ids_of.items():
            for start in range(0, len(ids), PIECE):
                piece = ids[start : start + PIECE]
                beginnings = [events.beginning_of_created(one) for one in piece]
                withdraw_publications(channel, beginnings, events.AlertsWithdrawn(ids=piece))
                Notification.objects.filter(pk__in=piece).delete()
    return sum(map(len, ids_of.values())) + len(distributed)


def _withdraw_distributed(notification_id: int) -> None:
    """Delete an alert of many people, and start the job that tells them; their lists have it no more."""
    distribution = Distribution.objects.select_for_update().filter(pk=notification_id).first()
    if distribution is None:
        return  # somebody else has withdrawn it meanwhile
    instead = events.AlertsWithdrawn(ids=[notification_id])
    replace_shared(distribution.shared, instead)
    if distribution.first_entry is not None and distribution.last_entry is not None:
        Withdrawal.objects.create(
            notification_id=notification_id,
            shared=share(instead),
            after=distribution.first_entry - 1,
            last_entry=distribution.last_entry,
        )
        # The entries are the job's now, and do not go with the distribution.
        Distribution.objects.filter(pk=notification_id).update(first_entry=None, last_entry=None)
        distributing.start_job(notification_id)
    Notification.objects.filter(pk=notification_id).delete()


def run(notification_id: int, *, seconds: float = 60.0) -> bool:
    """Tell all who have the notification that it is withdrawn, or as many as are told in ``seconds``.

    Returns whether nothing is left; that is so as well where it is not being withdrawn. Safe to run at the same time
    as itself. Raises ``django.db.Error``.
    """
    deadline = time.monotonic() + seconds
    while step(notification_id):
        flush()  # what is not sent yet does not pile up
        if time.monotonic() > deadline:
            return False
    return True


def step(notification_id: int) -> bool:
    """Take the notification from the next batch of people; returns whether there may be more of them.

    One transaction: whoever publishes to one of these people waits for its end, and nobody is told twice.
    """
    with transaction.atomic():
        withdrawal = Withdrawal.objects.select_for_update().filter(pk=notification_id).first()
        if withdrawal is None:
            return False
        left = InboxEntry.objects.filter(
            pk__gt=withdrawal.after, pk__lte=withdrawal.last_entry, notification=notification_id
        )
        keys = dict(left.order_by("pk").values_list("pk", "user")[: distributing.BATCH])
        if not keys:
            withdrawal.delete()
            return False
        if not is_shared(withdrawal.shared):
            withdrawal.shared = share(events.AlertsWithdrawn(ids=[notification_id]))
        publish_shared(withdrawal.shared, map(channels.of_user_id, ids_of_keys(keys.values()).values()))
        InboxEntry.objects.filter(pk__in=keys).delete()
        withdrawal.after, withdrawal.moved_at = max(keys), Now()
        withdrawal.save()
    return True
