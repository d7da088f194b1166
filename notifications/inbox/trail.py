"""What a person did with alerts of theirs, when, and with which device: one row for each change."""

from hub.users import User
from notifications import events, sources
from notifications.models import InboxChange

#: Alerts that one row names; more of them are several rows.
IDS_LIMIT = 1000


def note(user: User, told: events.AlertsRead | events.AlertsChanged) -> None:
    """Store in the open transaction what the person's pages are told of a change."""
    change, upto = ("read", told.upto) if isinstance(told, events.AlertsRead) else (told.change, 0)
    source = sources.current()
    InboxChange.objects.bulk_create(
        InboxChange(user=user, change=change, upto=upto, ids=told.ids[start : start + IDS_LIMIT], source=source)
        for start in range(0, len(told.ids) or 1, IDS_LIMIT)
    )
