"""Who may do what in the channel of a room, and what follows from it."""

from collections.abc import Collection
from typing import Any

from chat import actions, channels, posting, queries
from chat.people import named
from hub.channels import BadPublication, Namespace, NotAllowed, Visit, register
from hub.database import batched
from hub.users import User, Visitor
from hub.validation import BadMessage, key_in, message_in


def _may_be_in(asked: list[tuple[int, queries.Visitor]]) -> dict[tuple[int, queries.Visitor], bool]:
    return queries.may_be_in_rooms(asked)


#: Those who come at the same time are looked up together.
_allowed = batched(_may_be_in)


async def _may_read(user: Visitor, id: int) -> bool:  # noqa: A002  # as the pattern names it
    return await _allowed.get((id, user.pk))


async def _may_write(user: Visitor, id: int) -> bool:  # noqa: A002  # as the pattern names it
    return user.pk is not None and await _allowed.get((id, user.pk))


async def _post(user: Visitor, data: Any, id: int) -> None:  # noqa: A002  # as the pattern names it
    """What a client publishes is a message that somebody wrote, as on the simple endpoint."""
    try:
        await posting.post(actions.Draft(id, user.pk, message_in(data), key_in(data)))
    except BadMessage as error:
        raise BadPublication(error.word) from None
    except (actions.NotSignedIn, actions.NoSuchRoom) as error:
        raise NotAllowed from error


async def _entered(visit: Visit) -> None:
    if visit.only and isinstance(visit.user, User):
        actions.tell_joined(room_id=_room_id(visit), person=named(visit.user))


async def _left(visit: Visit) -> None:
    if visit.only and isinstance(visit.user, User):
        actions.tell_left(room_id=_room_id(visit), people=[named(visit.user)])


def _room_id(visit: Visit) -> int:
    return int(visit.channel.partition(":")[2])


def _aliases(names: Collection[str]) -> dict[str, list[str]]:
    """``chat_<name>``, the group that Channels' tutorial makes of what stands in the URL of a room.

    Of several rooms of one name one has it, a private one before the public one: what is meant for it must not reach
    whoever opens a room of its name.
    """
    ids = [number for channel in names if (number := channel.partition(":")[2]).isdecimal() and len(number) < 19]
    return {channels.of_room(pk): [f"chat_{name}"] for pk, name in queries.meant_by_name(list(map(int, ids))).items()}


ROOM = register(
    Namespace(
        channels.NAMESPACE,
        pattern="<int:id>",
        can_subscribe=_may_read,
        can_publish=_may_write,
        can_see_presence=_may_read,
        presence=True,
        join_leave=True,
        take=_post,
        entered=_entered,
        left=_left,
        aliases=_aliases,
    )
)
