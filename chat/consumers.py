"""The plain door of a room, ``/ws/chat/<room_name>/``: authorise, join, forward."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from chat import actions, channels, events, posting, queries
from chat.models import Room
from hub.batching import Batcher
from hub.connection import attendance
from hub.feed import Shape
from hub.limits import TooMany
from hub.sockets.codes import BadMessage, Close, Refused
from hub.sockets.door import Door
from hub.threads import in_database_thread


async def _find(asked: list[tuple[str, queries.Visitor]]) -> dict[tuple[str, queries.Visitor], Room | None]:
    return await in_database_thread(queries.rooms_named, asked)


#: Those who come at the same time are looked up together.
_rooms = Batcher(_find)


class ChatDoor(Door):
    """The messages of one room. Guests read, signed-in users write and are announced; a private one is for members."""

    name = "chat"

    async def authorise(self) -> Iterable[tuple[str, Shape]]:
        room = await _rooms.get((self.arguments["room_name"], self.user.pk))
        if room is None:
            raise Refused(Close.NOT_FOUND, "No such room")
        self.room_id = room.pk
        self.channel = channels.of_room(room.pk)
        return [(self.channel, events.plain_frames(self.language))]

    async def entered(self) -> None:
        if isinstance(self.user, User):
            await attendance.come(self.channel, self.user, attendance.info_of(self.user))

    async def message(self, message: str) -> None:
        match await posting.post(actions.Draft(self.room_id, self.user.pk, message)):
            case actions.NotSignedIn():
                raise BadMessage("login_required", _("Only signed-in users can write messages"))
            case actions.NoSuchRoom():
                raise BadMessage("room_not_found", _("This room no longer exists"))
            case TooMany() as refusal:
                raise refusal

    async def left(self, *, restarting: bool) -> None:
        if isinstance(self.user, User):
            await attendance.go(self.channel, self.user, attendance.info_of(self.user), restarting=restarting)
