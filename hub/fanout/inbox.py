"""Messages to the process itself: what is published on a channel for the hub's own parts, and not for clients."""

import asyncio
from collections.abc import Callable

from django.db import Error as DatabaseFault

from hub.concurrency.background import Background, backoff
from hub.fanout import relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import ProcessSubscriber
from hub.streams import Envelope


class Inbox(ProcessSubscriber):
    """Has each message of a channel handled in this process. Lives on one event loop, from its making on.

    Args:
        channel: of the hub's own; the text of a message is the data of the publication.
        handle: called with each text, in order. Must not block or raise.
        missed: called where messages may have been missed.
        event: what the log calls it when the channel cannot be subscribed to. That is tried again.
    """

    def __init__(
        self, channel: str, handle: Callable[[str], None], missed: Callable[[], None] | None = None, *, event: str
    ) -> None:
        self._channel = channel
        self._handle = handle
        self._missed = missed
        self._subscribed = asyncio.Event()
        self._subscribing = Background(
            f"inbox {channel.partition(':')[0]}",
            self._subscribe,
            event=event,
            expected=(DatabaseFault,),
            retry=backoff(2.0, 2.0),
        )
        self._subscribing.wake()

    async def ready(self) -> None:
        """Return when messages of other processes arrive; while Redis is unavailable, when they would. At once when
        it was closed: then none arrive.
        """
        await self._subscribed.wait()

    async def close(self) -> None:
        """Handle nothing more. The subscription ends with the relay."""
        await self._subscribing.close()
        self._subscribed.set()  # nobody waits for what does not come

    async def _subscribe(self) -> None:
        subscription = await relay.current().subscribe(self._channel, self, _text)
        subscription.release()
        self._subscribed.set()

    # --- hub.fanout.local_channel.Subscriber ------------------------------------------------------------------------

    def write(self, batch: FrameBatch) -> None:
        """Handle messages from the relay."""
        for text in batch.texts:
            self._handle(text)

    def restart(self) -> None:
        """The channel has another history, so messages may have been missed."""
        if self._missed is not None:
            self._missed()


def _text(envelope: Envelope) -> str:
    return envelope.data
