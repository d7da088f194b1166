"""The simple endpoint of the online count, ``/ws/online/``. Being connected here is being online."""

import secrets
from collections.abc import Iterable

from django.contrib.auth.models import User

from hub.endpoints.centrifuge import connection_presence
from hub.endpoints.centrifuge.messages import ClientInfo
from hub.endpoints.simple.endpoint import SimpleEndpoint
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import Encoder
from presence import channels, events


class OnlineEndpoint(SimpleEndpoint):
    """The number of people online: on connect and on change."""

    name = "online"
    _last: str | None = None

    async def authorise(self) -> Iterable[tuple[str, Encoder]]:
        return [(channels.online, events.plain_frame)]

    async def entered(self) -> None:
        # A person is one, however many tabs; of guests the hub cannot know, so each connection is one.
        if isinstance(self.user, User):
            self.info = connection_presence.info_of(self.user)
        else:
            self.info = ClientInfo(client=secrets.token_hex(8), user="")
        counted = await connection_presence.join_channel(channels.online, self.user, self.info)
        self.write(FrameBatch([events.frame_of(counted["count"])]))

    async def left(self, *, restarting: bool) -> None:
        await connection_presence.leave_channel(channels.online, self.user, self.info, restarting=restarting)

    @property
    def raw(self) -> None:
        """None: each count passes :meth:`write`."""

    def write(self, block: FrameBatch) -> None:
        """Of the counts only the newest, and only when it is another one than the client has."""
        newest = next((text for text in reversed(block.texts) if events.is_count(text)), None)
        texts = [text for text in block.texts if not events.is_count(text)]
        if newest is not None and newest != self._last:
            self._last = newest
            texts.append(newest)
        if texts:
            super().write(block if len(texts) == len(block.texts) else FrameBatch(texts))
