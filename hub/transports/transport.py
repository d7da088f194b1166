"""What a session needs from the transport of its client connection."""

from typing import Any, Protocol

from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import RawWrite


class Transport(Protocol):
    """The connection of one client: a WebSocket or an HTTP stream."""

    #: Whether commands come by ``/emulation``, so that the client must be told where to send them.
    emulated: bool

    @property
    def raw(self) -> RawWrite | None:
        """The function that writes bytes directly; None if frames must go through :meth:`write`."""

    def write(self, block: FrameBatch) -> None:
        """Write frames in order. Must not block or raise; a slow consumer is closed."""

    async def answer(self, frame: Any) -> None:
        """Write a reply of any length, a text or bytes; if it is long, wait until the client has read most of it."""

    def close(self, code: int, reason: str) -> None:
        """Close the connection with a code; only the first call counts."""
