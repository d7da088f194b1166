"""Who may receive the alerts of a channel."""

from hub.channels import Namespace, anyone, at_once, register
from hub.database import batched
from hub.users import PATTERN, Visitor, is_member, user_id
from notifications import channels
from notifications.inbox import queries


@at_once
def _is_oneself(user: Visitor, id: str) -> bool:  # noqa: A002  # as the pattern names it
    return user_id(user) == id


def _is_member(user: Visitor, id: int) -> bool:  # noqa: A002  # as the pattern names it
    return is_member(user.pk, id)


#: Those who come at the same time are looked up together.
_may_follow = batched(queries.may_follow_topics)


async def _may_receive(user: Visitor, name: str) -> bool:
    return user.pk is not None and await _may_follow.get((name, user.pk))


register(Namespace(channels.everyone, single=True, can_subscribe=anyone, aliases=("notifications",)))
register(Namespace(channels.USER, pattern=PATTERN, can_subscribe=_is_oneself))
register(Namespace(channels.GROUP, pattern="<int:id>", can_subscribe=_is_member))
register(Namespace(channels.TOPIC, pattern="<slug:name>", can_subscribe=_may_receive))
