"""Which room somebody comes into who knows only its name."""

from django.core.exceptions import ValidationError
from django.utils import translation

from chat import actions, namespaces, queries
from chat.models import Room
from hub.access import End, Ended
from hub.channels import allows
from hub.config import hub_settings
from hub.database import batched, in_database_thread
from hub.limits import TooMany
from hub.users import Visitor

#: Those who come at the same time are looked up together.
_rooms = batched(queries.rooms_named)


async def room_id(user: Visitor, language: str, name: str, *, known: int) -> int:
    """The id of the room that ``user`` means by ``name``, and may be in.

    Once the client is in a room (``known``, 0 before), only that one counts: by its name another one may be meant by
    now, which anybody can have opened, and what is written here was not meant for it.

    Raises:
        Ended: there is no such room, or it is not for this user.
    """
    if known:
        found = known if await allows(namespaces.ROOM.can_subscribe, user, {"id": known}) else None
    else:
        room = await _rooms.get((name, user.pk)) or await _opened(user, language, name)
        found = room.pk if room is not None else None
    if found is None:
        raise Ended(End.NOT_FOUND, "No such room")
    return found


async def _opened(user: Visitor, language: str, name: str) -> Room | None:
    """The room, opened by whoever connects to it first, where ``HUB_OPEN_ROOMS_BY_CONNECTING`` says so."""
    if not hub_settings().open_rooms_by_connecting:
        return None
    with translation.override(language):
        try:
            return await in_database_thread(actions.open_room, name=name, user=user)
        except actions.MayNotOpenRooms:
            return None
        except actions.NameTaken:
            return await _rooms.get((name, user.pk))  # somebody else was first
        except ValidationError as error:
            raise Ended(End.NOT_FOUND, error.messages[0]) from None
        except TooMany as refusal:
            raise Ended(End.TOO_FAST, refusal.sentence) from None
