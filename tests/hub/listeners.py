"""Followers and encoders for the tests of local channels and the relay."""

from hub.fanout import relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import Encoder, LocalChannel, Subscription
from hub.streams import Envelope
from lab.harness.waiting import await_for


def as_data(envelope: Envelope) -> str | None:
    """The encoder of these tests: the frame is the data itself."""
    return envelope.data


class Listener:
    """A subscriber that keeps what it gets."""

    raw = None

    def __init__(self) -> None:
        self.writes: list[list[str]] = []
        self.restarts = 0

    @property
    def frames(self) -> list[str]:
        return [frame for frames in self.writes for frame in frames]

    def write(self, batch: FrameBatch) -> None:
        self.writes.append(list(batch.texts))

    def restart(self) -> None:
        self.restarts += 1

    async def got(self, *frames: str, timeout: float = 20.0) -> None:
        """Holds when exactly these frames have come, in this order, within ``timeout`` seconds."""
        await await_for(lambda: len(self.frames) >= len(frames), timeout=timeout, that=f"{frames}, got {self.frames}")
        assert self.frames == list(frames)


def join(local_channel: LocalChannel, listener: Listener, encoder: Encoder = as_data) -> Subscription:
    """Subscribe to a local channel without a relay, held."""
    subscription = Subscription(local_channel.channel, listener, encoder)
    subscription.attach(local_channel)
    return subscription


async def follow(channel: str, listener: Listener) -> Subscription:
    """Follow ``channel`` from now on, live."""
    subscription = await relay.current().subscribe(channel, listener, as_data)
    subscription.release()
    return subscription
