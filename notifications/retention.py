"""Which alerts are kept. Who has read one goes with it."""

from itertools import chain

from django.contrib.auth.models import Group

from hub.config import hub_settings
from hub.database import pruning
from hub.users import all_users
from notifications.models import Notification, Topic


def prune(*, seconds: float = 60.0) -> int:
    """Delete alerts that need not be kept (``HUB_ALERT_ITEMS``, ``HUB_ALERT_DAYS``); returns how many.

    Stops after about ``seconds``; what is left is the next call's. Safe to run at the same time as itself.
    """
    settings = hub_settings()
    rows = Notification.objects.all()
    of_groups = rows.filter(user=None)
    items = settings.alert_items
    deletions = chain(
        pruning.older_than(settings.alert_days, rows),
        pruning.beyond(items, rows.filter(user=None, group=None, topic=None)),
        pruning.beyond_of_each(items, Topic.objects.all(), of_groups.filter(group=None), "topic"),
        pruning.beyond_of_each(items, Group.objects.all(), of_groups.filter(topic=None), "group"),
        pruning.beyond_of_each(items, all_users(), rows, "user"),
    )
    return pruning.prune(deletions, "alert", seconds=seconds)
