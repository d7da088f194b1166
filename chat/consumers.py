"""The plain door of a room, ``/ws/chat/<room_name>/``: authorise, join, forward."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from chat import actions, channels, events, queries
from hub import presence
from hub.feed import Shape
from hub.sockets.codes import BadMessage, Close, Refused
from hub.sockets.door import Door
from hub.threads import in_database_thread


class ChatDoor(Door):
    """The messages of one room. Guests read, signed-in users write and are announced."""

    name = "chat"

    async def authorise(self) -> Iterable[tuple[str, Shape]]:
        room = await in_database_thread(queries.room_named, self.arguments["room_name"])
        if room is None:
            raise Refused(Close.NOT_FOUND, "No such room")
        self.room_id = room.pk
        self.channel = channels.of_room(room.pk)
        return [(self.channel, events.plain_frames(self.language))]

    async def entered(self) -> None:
        if (person := self._person()) and await presence.current().enter(self.channel, person):
            actions.tell_joined(room_id=self.room_id, username=self.user.get_username())

    async def message(self, message: str) -> None:
        author_id = self.user.pk
        try:
            await in_database_thread(actions.post_message, room_id=self.room_id, author_id=author_id, text=message)
        except actions.NotSignedIn:
            raise BadMessage("login_required", _("Only signed-in users can write messages")) from None
        except actions.NoSuchRoom:
            raise BadMessage("room_not_found", _("This room no longer exists")) from None

    async def left(self, *, restarting: bool) -> None:
        # When the server restarts, the lease keeps the person's place until they are back: nobody has left.
        if (person := self._person()) and not restarting and await presence.current().leave(self.channel, person):
            actions.tell_left(room_id=self.room_id, usernames=[self.user.get_username()])

    def _person(self) -> str | None:
        return f"u{self.user.pk}" if self.user.is_authenticated else None
