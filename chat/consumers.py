"""The simple endpoint of a room, ``/ws/chat/<room_name>/``: authorise, join, forward."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from chat import actions, channels, events, namespaces, posting, queries
from chat.models import Room
from hub.concurrency.batcher import Batcher
from hub.config import hub_settings
from hub.database.threads import in_database_thread
from hub.endpoints.centrifuge import connection_presence
from hub.endpoints.centrifuge.rules import allows
from hub.endpoints.simple.codes import BadMessage, Close, Rejected
from hub.endpoints.simple.endpoint import SimpleEndpoint
from hub.fanout.local_channel import Encoder
from hub.limits import TooMany
from hub.users import User


async def _find(asked: list[tuple[str, queries.Visitor]]) -> dict[tuple[str, queries.Visitor], Room | None]:
    return await in_database_thread(queries.rooms_named, asked)


#: Those who come at the same time are looked up together.
_rooms = Batcher(_find)


class ChatEndpoint(SimpleEndpoint):
    """The messages of one room. Guests read, logged-in users write and are announced; a private one is for members."""

    name = "chat"
    #: Of the room that the client came into; 0 before it is in one.
    room_id = 0

    async def authorise(self) -> Iterable[tuple[str, Encoder]]:
        # Once the client is in a room, only that one counts: by its name another one may be meant by now, which
        # anybody can have opened, and what is written here was not meant for it.
        if self.room_id:
            is_allowed = await allows(namespaces.ROOM.can_subscribe, self.user, {"id": self.room_id})
        elif (room := await self._room() or await self._opened()) is not None:
            is_allowed, self.room_id, self.channel = True, room.pk, channels.of_room(room.pk)
        else:
            is_allowed = False
        if not is_allowed:
            raise Rejected(Close.NOT_FOUND, "No such room")
        return [(self.channel, events.plain_frames(self.language))]

    async def _room(self) -> Room | None:
        return await _rooms.get((self.arguments["room_name"], self.user.pk))

    async def _opened(self) -> Room | None:
        """The room, opened by whoever connects to it first, where ``HUB_OPEN_ROOMS_BY_CONNECTING`` says so."""
        if not hub_settings().open_rooms_by_connecting:
            return None
        with translation.override(self.language):
            try:
                return await in_database_thread(actions.open_room, name=self.arguments["room_name"], user=self.user)
            except actions.MayNotOpenRooms:
                return None
            except actions.NameTaken:
                return await self._room()  # somebody else was first
            except ValidationError as error:
                raise Rejected(Close.NOT_FOUND, error.messages[0]) from None
            except TooMany as refusal:
                raise Rejected(Close.TOO_FAST, refusal.sentence) from None

    async def entered(self) -> None:
        if isinstance(self.user, User):
            await connection_presence.join_channel(self.channel, self.user, connection_presence.info_of(self.user))

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
            await connection_presence.leave_channel(
                self.channel, self.user, connection_presence.info_of(self.user), restarting=restarting
            )
