"""The simple endpoint of a room, ``/ws/chat/<room_name>/``: authorise, join, forward."""

from chat import actions, arriving, channels, events, posting
from hub.endpoints import Channels, SimpleEndpoint


class ChatEndpoint(SimpleEndpoint):
    """The messages of one room. Guests read, logged-in users write and are announced; a private one is for members."""

    name = "chat"
    #: Of the room that the client came into; 0 before it is in one.
    room_id = 0

    async def authorise(self) -> Channels:
        name = self.arguments["room_name"]
        self.room_id = await arriving.room_id(self.user, self.language, name, known=self.room_id)
        return [(channels.of_room(self.room_id), events.plain_frames(self.language))]

    async def message(self, message: str) -> None:
        await posting.post(actions.Draft(self.room_id, self.user.pk, message, self.key))
