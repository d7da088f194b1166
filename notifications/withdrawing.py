"""Taking alerts back that should not be read any more, from the lists and from the histories of their channels."""

from django.db import transaction
from django.db.models import QuerySet

from hub.publishing import publish_shared, replace_shared, share
from hub.publishing import withdraw as withdraw_publications
from hub.users import ids_of_keys
from notifications import channels, distributing, events, inbox
from notifications.models import Distribution, Notification

#: Alerts that one statement looks for in the history of their channel.
PIECE = 100


def withdraw(alerts: QuerySet[Notification]) -> int:
    """Delete ``alerts``, and put :class:`~notifications.events.AlertsWithdrawn` in the place of their publications.

    After the commit no list and no history has them, for those who come back neither. Open pages of the hub's own
    scripts take them out of their lists; what other clients have received stays with them.

    Returns how many alerts that were.
    """
    with transaction.atomic():
        distributed = list(alerts.exclude(audience="").values_list("pk", flat=True))
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
    """Take an alert back from all who have it; its job gives it to nobody else."""
    distribution = Distribution.objects.select_for_update().get(pk=notification_id)
    instead = events.AlertsWithdrawn(ids=[notification_id])
    replace_shared(distribution.shared, instead)
    shared = share(instead)
    keys = inbox.entries_of(distribution).order_by("pk").values_list("user", flat=True)
    for part in distributing.in_batches(list(keys)):
        publish_shared(shared, map(channels.of_user_id, ids_of_keys(part).values()))
    Notification.objects.filter(pk=notification_id).delete()
