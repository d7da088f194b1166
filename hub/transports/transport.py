"""What a session of the hub socket needs of the connection beneath it."""

from typing import Protocol

from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import RawWrite


class Transport(Protocol):
    """One client's connection: a WebSocket, or a stream of another kind."""

    #: Whether its commands come by ``/emulation``, so that the client has to be told where to send them.
    emulated: bool

    @property
    def raw(self) -> RawWrite | None:
        """Where frames may be written without asking; None where the transport wants them itself."""

    def write(self, block: FrameBatch) -> None:
        """Write frames, in order. Must not block or raise; a client that is too slow is closed."""

    async def answer(self, text: str) -> None:
        """Write what the client has asked for, however long, and wait where it is long until most of it is taken."""

    def close(self, code: int, reason: str) -> None:
        """End the connection with a code; only the first call counts."""
