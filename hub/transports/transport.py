"""What a session needs from the transport of its client connection."""

from typing import Any, Final, Protocol

from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import RawWrite

#: Replies from this length on wait until a slow client has read them.
LONG: Final = 64 * 1024

#: Seconds that a client may take to read one long reply.
DRAIN_TIMEOUT = 20.0


class Transport(Protocol):
    """The connection of one client: a WebSocket or an HTTP stream."""

    #: Whether commands come by ``/emulation``, so that the client must be told where to send them.
    emulated: bool

    @property
    def raw(self) -> RawWrite | None:
        """The function that writes bytes directly; None if frames must go through :meth:`write`."""

    def write(self, block: FrameBatch) -> None:
        """Write frames in order. Must not block or raise; a slow consumer is closed."""

    async def answer(self, frame: Any, who: object) -> None:
        """Write a reply of any length, a text or bytes; if it is long, wait until the client has read most of it.

        ``who`` has asked for it, for :mod:`hub.transports.unread`. A client that takes too long is closed.
        """

    def close(self, code: int, reason: str) -> None:
        """Close the connection with a code; only the first call counts."""
