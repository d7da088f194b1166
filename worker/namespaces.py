"""Who may watch jobs, schedules and operations."""

from hub.channels import Namespace, at_once, register
from hub.users import PATTERN, Visitor, may, user_id
from worker import events
from worker.operations import permissions
from worker.schedules.permissions import may_see
from worker.tracking import queries


@at_once
def _is_oneself(user: Visitor, id: str) -> bool:  # noqa: A002  # as the pattern names it
    return user_id(user) == id


def _may_see_all(user: Visitor, **arguments: object) -> bool:
    return may(user, queries.SEE_ALL)


def _may_see_operations(user: Visitor, **arguments: object) -> bool:
    return permissions.may_see(user)


def _may_see_schedules(user: Visitor, **arguments: object) -> bool:
    return may_see(user)


register(Namespace(events.OWN, pattern=PATTERN, can_subscribe=_is_oneself, keep_items=1000, keep_days=7))
# Live only: nobody has to have seen all that happens to the jobs of everybody, and a list of them is loaded again.
register(Namespace(events.ALL, single=True, durable=False, can_subscribe=_may_see_all))
register(Namespace(events.OPERATIONS, single=True, durable=False, can_subscribe=_may_see_operations))
register(Namespace(events.SCHEDULES, single=True, durable=False, can_subscribe=_may_see_schedules))
