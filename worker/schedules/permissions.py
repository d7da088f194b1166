"""Who may see schedules, and change them; being of the staff is not enough."""

from hub.users import Visitor, may
from notifications.sending.actions import MAY_BROADCAST

#: Who may change sees, too. To have one send also needs what an alert to everyone needs, as writing one in the admin
#: does.
SEE, CHANGE = "hub_worker.view_schedule", "hub_worker.change_schedule"


def may_see(user: Visitor) -> bool:
    """Whether this person may see schedules, and what became of them."""
    return may(user, SEE) or may(user, CHANGE)


def may_change(user: Visitor) -> bool:
    """Whether this person may pause and delete schedules."""
    return may(user, CHANGE)


def may_send(user: Visitor) -> bool:
    """Whether this person may have a schedule send: make, change, resume or run one."""
    return may(user, CHANGE) and may(user, MAY_BROADCAST)
