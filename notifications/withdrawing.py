"""Taking alerts back that should not be read any more, from the lists and from the histories of their channels."""

from django.db import transaction
from django.db.models import QuerySet

from hub.publishing import withdraw as withdraw_publications
from notifications import channels, events
from notifications.models import Notification

#: Alerts that one statement looks for in the history of their channel.
PIECE = 100


def withdraw(alerts: QuerySet[Notification]) -> int:
    """Delete ``alerts``, and put :class:`~notifications.events.AlertsWithdrawn` in the place of their publications.

    After the commit no list and no history has them, for those who come back neither. Open pages of the hub's own
    scripts take them out of their lists; what other clients have received stays with them.

    Returns how many alerts that were.
    """
    with transaction.atomic():
        ids_of: dict[str, list[int]] = {}
        for row in alerts.select_related("user", "topic").order_by("pk"):
            if row.topic_id is not None and row.topic is None:
                continue  # its channel went with the topic, and the row follows (hub.database.deletions)
            ids_of.setdefault(channels.of_alert(row), []).append(row.pk)
        for channel, ids in ids_of.items():
            for start in range(0, len(ids), PIECE):
                piece = ids[start : start + PIECE]
                beginnings = [events.beginning_of_created(one) for one in piece]
                withdraw_publications(channel, beginnings, events.AlertsWithdrawn(ids=piece))
                Notification.objects.filter(pk__in=piece).delete()
    return sum(map(len, ids_of.values()))
