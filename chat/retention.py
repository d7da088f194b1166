"""Which messages are kept."""

from chat.models import Message, Room
from hub.config import hub_settings
from hub.database import prune_table


def prune(*, seconds: float = 60.0) -> int:
    """Delete messages that need not be kept (``HUB_MESSAGE_ITEMS``, ``HUB_MESSAGE_DAYS``); returns how many.

    Stops after about ``seconds``; what is left is the next call's. Safe to run at the same time as itself.
    """
    settings = hub_settings()
    rows = Message.objects.all()
    return prune_table(
        "message",
        rows,
        days=settings.message_days,
        items=settings.message_items,
        lists=[(rows, Room.objects.all(), "room")],
        seconds=seconds,
    )
