"""Which messages are kept."""

from itertools import chain

from chat.models import Message, Room
from hub.config import hub_settings
from hub.database import pruning


def prune(*, seconds: float = 60.0) -> int:
    """Delete messages that need not be kept (``HUB_MESSAGE_ITEMS``, ``HUB_MESSAGE_DAYS``); returns how many.

    Stops after about ``seconds``; what is left is the next call's. Safe to run at the same time as itself.
    """
    settings = hub_settings()
    rows = Message.objects.all()
    deletions = chain(
        pruning.older_than(settings.message_days, rows),
        pruning.beyond_of_each(settings.message_items, Room.objects.all(), rows, "room"),
    )
    return pruning.prune(deletions, "message", seconds=seconds)
