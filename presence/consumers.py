"""The simple endpoint of the online count, ``/ws/online/``. Being connected here is being online."""

from typing import Any

from hub.endpoints import Channels, NewestOnly
from hub.fanout import FrameBatch
from presence import channels, events


class OnlineEndpoint(NewestOnly):
    """The number of people online: on connect and on change."""

    name = "online"
    replaces = staticmethod(events.is_count)

    async def authorise(self) -> Channels:
        return [(channels.online, events.plain_frame)]

    def entered(self, channel: str, data: Any) -> None:
        self.write(FrameBatch([events.frame_of(data["count"])]))
