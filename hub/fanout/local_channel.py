"""One channel in one web process: its subscribers, and the order of what they receive. This module does no I/O."""

import time
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from hub.config import hub_settings
from hub.fanout.frames import Frame, FrameBatch
from hub.logs import get_logger
from hub.ops import metrics
from hub.streams import Envelope, Position

#: Turns an envelope into the frame that an endpoint sends, or None if the endpoint leaves such envelopes out. Called
#: once per envelope, encoder and process; it must not depend on the socket.
Encoder = Callable[[Envelope], Frame | None]

F = TypeVar("F", bound=Frame)

#: Writes the bytes of whole frames to one client.
RawWrite = Callable[[bytes], object]

log = get_logger(__name__)

#: How many envelopes wait for a missing one before them. Any more are dropped, and catch-up reads them again.
AHEAD_LIMIT = 256


class Subscriber(Protocol):
    """The receiving end of a subscription."""

    @property
    def raw(self) -> RawWrite | None:
        """Writes bytes straight to the connection; None if frames must go through :meth:`write`."""

    def write(self, batch: FrameBatch) -> None:
        """Send frames to the client, in order. Must not block; one that is too slow closes itself.

        One that raises has missed the frames, and is told to :meth:`restart`.
        """

    def restart(self) -> None:
        """The channel's history was replaced: the client must reconnect and reload."""


class ProcessSubscriber:
    """The base of subscribers that are parts of the hub itself and not clients."""

    #: Batches go to ``write``.
    raw = None


class Subscription:
    """One subscriber of one channel. The relay attaches it to the local channel.

    While it is *held*, batches are buffered until :meth:`release`.
    """

    __slots__ = ("_held", "_held_size", "channel", "encoder", "local_channel", "start", "subscriber")

    def __init__(self, channel: str, subscriber: Subscriber, encoder: Encoder) -> None:
        self.channel = channel
        self.subscriber = subscriber
        self.encoder = encoder
        self.local_channel = _NOWHERE
        #: The position at which the subscription began: everything after it arrives live.
        self.start = _BEGINNING
        self._held: list[FrameBatch] | None = None
        self._held_size = 0

    def attach(self, local_channel: "LocalChannel") -> None:
        """Begin, held, where ``local_channel`` stands: what is already in its batch belongs to the history."""
        self.local_channel = local_channel
        local_channel.add(self)
        self.start = Position(local_channel.epoch, local_channel.last)
        self._held, self._held_size = [], 0

    def write(self, batch: FrameBatch) -> None:
        if self._held is None:
            self.subscriber.write(batch)
        elif self._held_size + batch.size <= hub_settings().write_buffer:
            self._held.append(batch)
            self._held_size += batch.size
        else:
            self.restart()  # it reads its history too slowly to ever catch up

    def restart(self) -> None:
        """Publications are missing, and cannot be read: the client must reload."""
        self.subscriber.restart()

    def release(self, history: Iterable[Envelope] = ()) -> None:
        """Write ``history``, then the buffered batches, then go live. ``history`` must end at :attr:`start`."""
        held, self._held = self._held or (), None
        if frames := frames_of(self.encoder, history):
            self.subscriber.write(FrameBatch(frames))
        for batch in held:
            self.subscriber.write(batch)
        self.local_channel.go_live(self)


class _Audience:
    """The subscriptions of one encoder: those with a raw connection, and all others."""

    __slots__ = ("others", "raw")

    def __init__(self) -> None:
        self.raw: dict[Subscription, RawWrite] = {}
        #: An empty dictionary is a fifth of an empty set, and most channels have one subscriber.
        self.others: dict[Subscription, None] = {}

    def __len__(self) -> int:
        return len(self.raw) + len(self.others)


def frames_of(encoder: Callable[[Envelope], F | None], envelopes: Iterable[Envelope]) -> list[F]:
    """The frames of ``envelopes``. An envelope on which the encoder fails is logged and left out."""
    frames = []
    for envelope in envelopes:
        try:
            frame = encoder(envelope)
        except Exception:
            metrics.FAN_OUT_FAILURES.labels("encoding").inc()
            log.exception("encoding_failed", channel=envelope.channel, offset=envelope.offset)
            continue
        if frame is not None:
            frames.append(frame)
    return frames


def _restart(subscription: Subscription) -> None:
    try:
        subscription.restart()
    except Exception:
        # What is left of this client must not keep the others from hearing.
        metrics.FAN_OUT_FAILURES.labels("restarting").inc()
        log.exception("restarting_failed", channel=subscription.channel)


class LocalChannel:
    """Sends the envelopes of one channel to its subscriptions in the order of their offsets, each envelope once.

    ``offer`` accepts envelopes in any order and more than once. The next envelope joins the batch that :meth:`flush`
    sends; an early one waits. When ``is_behind()``, the relay reads the missing envelopes from the database.
    """

    __slots__ = ("_ahead", "_arrived", "_audiences", "_batch", "channel", "epoch", "known", "last", "opened")

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.epoch = ""
        #: The offset of the last envelope in the batch or sent.
        self.last = 0
        #: The highest offset heard of.
        self.known = 0
        #: Whether ``epoch`` and ``last`` have been read; until then envelopes only raise ``known``.
        self.opened = False
        self._ahead: dict[int, Envelope] = {}
        self._batch: list[Envelope] = []
        self._arrived = 0.0
        self._audiences: dict[Encoder, _Audience] = {}

    def __bool__(self) -> bool:
        """Whether there is a subscription."""
        return bool(self._audiences)

    def __contains__(self, subscription: Subscription) -> bool:
        """Whether this is a subscription of the channel, and has not ended."""
        audience = self._audiences.get(subscription.encoder)
        return audience is not None and (subscription in audience.raw or subscription in audience.others)

    def __len__(self) -> int:
        """How many subscriptions there are."""
        return sum(map(len, self._audiences.values()))

    def clients(self) -> int:
        """How many subscriptions belong to clients, not to parts of the hub."""
        return len(self) - sum(
            isinstance(one.subscriber, ProcessSubscriber)
            for audience in self._audiences.values()
            for one in audience.others
        )

    def subscriptions(self) -> list[Subscription]:
        """All there are now. Not for the path of publications."""
        return [one for audience in self._audiences.values() for one in (*audience.raw, *audience.others)]

    def open(self, position: Position) -> None:
        """Begin after ``position``."""
        self.epoch, self.last, self.opened = position.epoch, position.offset, True
        self._ahead = {offset: envelope for offset, envelope in self._ahead.items() if offset > self.last}
        self._take_ahead()

    def is_behind(self) -> bool:
        """Whether there are envelopes between ``last`` and ``known`` that have not arrived."""
        return self.opened and self.known > self.last

    def has_batch(self) -> bool:
        """Whether there is something to flush."""
        return bool(self._batch)

    def add(self, subscription: Subscription) -> None:
        """Write to a held subscription from now on, after what is in the batch."""
        self.flush()
        self._audiences.setdefault(subscription.encoder, _Audience()).others[subscription] = None

    def go_live(self, subscription: Subscription) -> None:
        """Write to the subscription's raw connection from now on, if it has one."""
        audience, raw = self._audiences.get(subscription.encoder), subscription.subscriber.raw
        if raw is not None and audience is not None and subscription in audience.others:
            del audience.others[subscription]
            if not audience.others:
                audience.others = {}  # one that had something keeps the place for it: a sixth of a KiB for each person
            audience.raw[subscription] = raw

    def remove(self, subscription: Subscription) -> bool:
        """End a subscription; harmless when it has ended. Returns whether there was one."""
        audience = self._audiences.get(subscription.encoder)
        if audience is None:
            return False
        if subscription in audience.raw:
            del audience.raw[subscription]
        elif subscription in audience.others:
            del audience.others[subscription]
        else:
            return False
        if not audience.raw and not audience.others:
            del self._audiences[subscription.encoder]
        return True

    def offer(self, envelope: Envelope) -> bool:
        """Take an envelope; returns whether there is something to flush."""
        if not envelope.offset:
            self._append(envelope)
            return True
        if self.has_other_history(envelope.epoch):
            return False
        self.known = max(self.known, envelope.offset)
        if envelope.offset <= self.last and self.opened:
            return False
        if not self.opened or envelope.offset != self.last + 1:
            if len(self._ahead) < AHEAD_LIMIT:
                self._ahead[envelope.offset] = envelope
            return False
        self.epoch, self.last = envelope.epoch, envelope.offset
        self._append(envelope)
        self._take_ahead()
        return True

    def has_other_history(self, epoch: str) -> bool:
        """Whether ``epoch`` differs from this channel's. A channel that has seen no envelope accepts any epoch."""
        return self.opened and bool(self.epoch) and epoch != self.epoch

    def reset(self) -> None:
        """Forget announced offsets that the database does not have: nothing is missing."""
        self.known = self.last
        self._ahead.clear()

    def restart(self, position: Position) -> None:
        """Continue with another history from ``position``, and tell all subscribers to restart."""
        self._batch.clear()
        self._ahead.clear()
        self.known = position.offset
        self.open(position)
        for audience in list(self._audiences.values()):
            for subscription in [*audience.raw, *audience.others]:
                _restart(subscription)

    def flush(self) -> None:
        """Write the batch: each frame is encoded once per encoder, and a subscriber gets all frames in one write.

        A subscriber that fails costs no other one anything.
        """
        envelopes, self._batch = self._batch, []
        if not envelopes:
            return
        deliveries = 0
        for encoder, audience in list(self._audiences.items()):
            if frames := frames_of(encoder, envelopes):
                batch = FrameBatch(frames)
                deliveries += len(frames) * len(audience)
                # Copies, because a socket that is too slow unsubscribes while it is written to.
                if audience.raw:
                    for data in batch.raw:
                        for write in list(audience.raw.values()):
                            write(data)
                for subscription in list(audience.others):
                    try:
                        subscription.write(batch)
                    except Exception:
                        # Endpoints of a project write as well. The others get the batch; this one has missed it.
                        metrics.FAN_OUT_FAILURES.labels("writing").inc()
                        log.exception("writing_failed", channel=self.channel)
                        _restart(subscription)
        metrics.DELIVERIES.inc(deliveries)
        metrics.RELAY_LAG.observe(time.perf_counter() - self._arrived)

    def _append(self, envelope: Envelope) -> None:
        if not self._batch:
            self._arrived = time.perf_counter()
        self._batch.append(envelope)

    def _take_ahead(self) -> None:
        while envelope := self._ahead.pop(self.last + 1, None):
            self.epoch, self.last = envelope.epoch, envelope.offset
            self._append(envelope)


#: Where subscriptions are that are not attached.
_NOWHERE = LocalChannel("")
_BEGINNING = Position()
