"""Choosing an action of an alert, as its person would in a page."""

from hub.database import in_database_thread
from hub.testing.commits import PendingCommit
from hub.testing.in_process import in_process
from hub.testing.mistakes import reading_the_database, refuse_event_loop
from hub.users import User
from notifications import action_choices
from notifications.inbox import queries


def choose_action(user: User, name: str) -> str:
    """Have ``user`` choose this action of the newest of their alerts that offers it.

        notify(to=ada, message="Order 7 waits", actions=[Action("approve_order", "Approve")])
        choose_action(ada, "approve_order")

    Its function runs as in a page: once for each person, with the permission that it asks for. Returns the name of
    what the person has chosen of this alert, now or before.

    Raises:
        AssertionError: none of their newest alerts offers it; the text has what they offer.
        hub.validation.Refused: as the person would be told.
    """
    refuse_event_loop("choose_action()", "await achoose_action()")
    pending = PendingCommit()
    in_process.enter()
    try:
        with reading_the_database("choose_action()"):
            choice = action_choices.choose(user=user, notification_id=_offering(user, name), name=name)
            pending.run()
    finally:
        in_process.leave()
    return choice.action


async def achoose_action(user: User, name: str) -> str:
    """:func:`choose_action` from async code."""
    return await in_database_thread(choose_action, user, name)


def _offering(user: User, name: str) -> int:
    offered = []
    for alert in queries.latest_for(user):
        names = [one["name"] for one in alert.actions or () if "url" not in one]
        if name in names:
            return alert.pk
        offered += names
    known = ", ".join(map(repr, offered)) or "none has actions"
    raise AssertionError(f"No alert of {user} offers the action {name!r}. Their alerts offer: {known}.")
