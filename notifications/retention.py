"""Which alerts are kept. Who has read one goes with it."""

from django.contrib.auth.models import Group

from hub.config import hub_settings
from hub.database import prune_table
from hub.users import all_users
from notifications.models import InboxEntry, Notification, Topic


def prune(*, seconds: float = 60.0) -> int:
    """Delete alerts that need not be kept (``HUB_ALERT_ITEMS``, ``HUB_ALERT_DAYS``); returns how many.

    Stops after about ``seconds``; what is left is the next call's. Safe to run at the same time as itself.
    """
    settings = hub_settings()
    rows = Notification.objects.all()
    of_groups = rows.filter(user=None, audience="")
    # What was distributed goes by its age; each person keeps the newest of them, as of what was sent to them alone.
    entries = (InboxEntry.objects.all(), all_users(), "user")
    pruned = prune_table(
        "alert", InboxEntry.objects.all(), days=0, items=settings.alert_items, lists=[entries], seconds=seconds
    )
    return pruned + prune_table(
        "alert",
        rows,
        days=settings.alert_days,
        items=settings.alert_items,
        lists=[
            rows.filter(user=None, group=None, topic=None, audience=""),
            (of_groups.filter(group=None), Topic.objects.all(), "topic"),
            (of_groups.filter(topic=None), Group.objects.all(), "group"),
            (rows, all_users(), "user"),
        ],
        seconds=seconds,
    )
