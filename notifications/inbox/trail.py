"""What a person did with alerts of theirs, when, and with which device: one row for each change."""

from hub.users import User
from notifications import events, sources
from notifications.models import InboxChange


def note(user: User, told: events.AlertsRead | events.AlertsChanged) -> None:
    """Store in the open transaction what the person's pages are told of a change."""
    row = InboxChange(user=user, ids=told.ids, source=sources.current())
    if isinstance(told, events.AlertsRead):
        row.change, row.upto = "read", told.upto
    else:
        row.change = told.change
    row.save()
