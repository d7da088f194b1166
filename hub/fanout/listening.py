"""What this process itself hears on a channel, beside its clients."""

from collections.abc import Callable

from hub.fanout import relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import Encoder, ProcessSubscriber, Subscription
from hub.publishing import encode
from hub.publishing.verbs import Data
from hub.streams import Envelope


class ProcessListener(ProcessSubscriber):
    """This process as a subscriber of a channel that keeps no history. Lives on one event loop.

    Args:
        channel: its name.
        text_of: what a publication says here; None for one that says nothing.
        hear: called with the newest text each time that something came. Must not block or raise.
    """

    #: The parts of the process that a part with a listener uses, for its :class:`hub.concurrency.node.Part`.
    uses = (relay.current,)

    def __init__(self, channel: str, text_of: Encoder, hear: Callable[[str], None]) -> None:
        self.channel = channel
        self._text_of = text_of
        self._hear = hear
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Hear what is published from now on; nothing where it does so already. Raises ``django.db.Error``."""
        if self._subscription is None:
            self._subscription = await relay.current().subscribe(self.channel, self, self._text_of)
            self._subscription.release()

    def stop(self) -> None:
        """Hear nothing more; nothing where it has stopped already."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            relay.current().unsubscribe(subscription)

    def tell_here(self, data: Data) -> None:
        """Send ``data`` to the subscribers of this process only: for what each process finds out by itself."""
        text = encode(self.channel, data, durable=False)
        relay.current().deliver(Envelope(self.channel, "", 0, text))

    # --- hub.fanout.local_channel.Subscriber ---------------------------------------------------------------------

    def write(self, batch: FrameBatch) -> None:
        self._hear(batch.texts[-1])

    def restart(self) -> None:
        """The channel keeps no history, so it has never another one."""
