"""The plain door of the online count, ``/ws/online/``. Being connected here is being online."""

import secrets
from collections.abc import Iterable

from hub import presence
from hub.feed import Shape
from hub.frames import Block
from hub.sockets.door import Door
from presence import channels, counting, events


class OnlineDoor(Door):
    """The number of people online: on connect and on change."""

    name = "online"
    _last: str | None = None

    async def authorise(self) -> Iterable[tuple[str, Shape]]:
        return [(channels.online, events.plain_frame)]

    async def entered(self) -> None:
        # A person is one, however many tabs; of guests the hub cannot know, so each connection is one.
        self.person = f"u{self.user.pk}" if self.user.is_authenticated else f"{presence.GUEST}{secrets.token_hex(8)}"
        counting.current().arrived()
        await presence.current().enter(channels.online, self.person)
        count = await presence.current().count(channels.online)
        self.write(Block([events.frame_of(count)]))
        counting.current().told(count)

    async def left(self, *, restarting: bool) -> None:
        # When the server restarts, the lease keeps the person's place until they are back.
        if not restarting:
            await presence.current().leave(channels.online, self.person)
        counting.current().departed()

    @property
    def raw(self) -> None:
        """None: each count passes :meth:`write`."""

    def write(self, block: Block) -> None:
        """Only the newest count, and only when it is another one than the client has."""
        if (newest := block.texts[-1]) != self._last:
            self._last = newest
            super().write(block if len(block.texts) == 1 else Block([newest]))
