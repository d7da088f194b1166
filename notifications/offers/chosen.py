"""What a person has chosen of the actions of the alerts in a list."""

from collections.abc import Sequence

from hub.users import Key
from notifications.models import ActionChoice, Notification


def note(rows: Sequence[Notification], key: Key) -> None:
    """Set ``chosen`` of those of ``rows`` of which the user with this key, None for a guest, has chosen an action.

    One query, none where no row has actions.
    """
    offering = {row.pk: row for row in rows if row.actions}
    if not offering or key is None:
        return
    found = ActionChoice.objects.filter(user=key, notification__in=offering)
    for notification_id, action in found.values_list("notification", "action"):
        offering[notification_id].chosen = action
