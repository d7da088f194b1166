"""One channel in one web process: what it has sent, who follows it, and keeping both in order. No I/O here."""

import time
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from hub.config import hub_settings
from hub.fanout.frames import FrameBatch
from hub.ops import metrics
from hub.streams import Envelope, Position

#: Turns an item into the text of the frame that a door sends, or None where the door does not show such items.
#: Called once per item, shape and process; it must not depend on the socket.
Encoder = Callable[[Envelope], str | None]

#: Takes the bytes of whole frames for one client.
RawWrite = Callable[[bytes], object]

log = structlog.get_logger(__name__)

#: Items that arrived before one that is missing, kept at most; beyond it the database is read.
AHEAD_LIMIT = 256


class Subscriber(Protocol):
    """The socket's end of a subscription."""

    @property
    def raw(self) -> RawWrite | None:
        """Where the bytes of frames may be written without asking the follower; None where it wants them itself."""

    def write(self, block: FrameBatch) -> None:
        """Take frames for the client, in order. Must not block or raise; one that is too slow closes itself."""

    def restart(self) -> None:
        """The channel has another history now: the client must come back and reload."""


class ProcessSubscriber:
    """The base of followers that are parts of the hub itself, and no clients."""

    #: The blocks come to ``write``.
    raw = None


class Subscription:
    """A follower's place in a feed. While it is *held*, what the feed sends is kept for :meth:`release`."""

    __slots__ = ("_held", "_held_size", "feed", "follower", "shape", "start")

    def __init__(self, feed: "LocalChannel", follower: Subscriber, shape: Encoder) -> None:
        self.feed = feed
        self.follower = follower
        self.shape = shape
        #: Where the feed stood when the subscription began: everything after it comes live.
        self.start = Position(feed.epoch, feed.last)
        self._held: list[FrameBatch] | None = []
        self._held_size = 0

    def write(self, block: FrameBatch) -> None:
        if self._held is None:
            self.follower.write(block)
        elif self._held_size + block.size <= hub_settings().write_buffer:
            self._held.append(block)
            self._held_size += block.size
        else:
            self.follower.restart()  # it takes its history too slowly to ever catch up

    def release(self, history: Iterable[Envelope] = ()) -> None:
        """Write ``history``, then what came meanwhile, then go live. ``history`` must end at :attr:`start`."""
        held, self._held = self._held or (), None
        if texts := texts_of(self.shape, history):
            self.follower.write(FrameBatch(texts))
        for block in held:
            self.follower.write(block)
        self.feed.go_live(self)


class _Audience:
    """The subscriptions of one shape: those that are written to directly, and those that take frames themselves."""

    __slots__ = ("others", "raw")

    def __init__(self) -> None:
        self.raw: dict[Subscription, RawWrite] = {}
        #: An empty dictionary is a fifth of an empty set, and most channels have one follower.
        self.others: dict[Subscription, None] = {}

    def __len__(self) -> int:
        return len(self.raw) + len(self.others)


def texts_of(shape: Encoder, items: Iterable[Envelope]) -> list[str]:
    """The frames of ``items``; one that the shape cannot make is left out and logged, the others are not its fault."""
    texts = []
    for item in items:
        try:
            text = shape(item)
        except Exception:
            log.exception("shape_failed", channel=item.channel, offset=item.offset)
            continue
        if text is not None:
            texts.append(text)
    return texts


class LocalChannel:
    """The channel's items in offset order, each once, to all subscriptions.

    ``offer`` takes items in any order and with repeats. What is next goes into the batch that :meth:`flush` sends;
    what comes early waits; ``is_behind()`` tells the relay to read the database.
    """

    __slots__ = ("_ahead", "_arrived", "_audiences", "_batch", "channel", "epoch", "known", "last", "opened")

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.epoch = ""
        #: The offset of the last item in the batch or sent.
        self.last = 0
        #: The highest offset heard of.
        self.known = 0
        #: Whether ``epoch`` and ``last`` have been read; until then items only raise ``known``.
        self.opened = False
        self._ahead: dict[int, Envelope] = {}
        self._batch: list[Envelope] = []
        self._arrived = 0.0
        self._audiences: dict[Encoder, _Audience] = {}

    def __bool__(self) -> bool:
        """Whether anybody follows."""
        return bool(self._audiences)

    def __len__(self) -> int:
        """How many subscriptions there are."""
        return sum(map(len, self._audiences.values()))

    def clients(self) -> int:
        """How many subscriptions are of clients, not of the hub's own parts."""
        return len(self) - sum(
            isinstance(one.follower, ProcessSubscriber)
            for audience in self._audiences.values()
            for one in audience.others
        )

    def open(self, position: Position) -> None:
        """Begin after ``position``."""
        self.epoch, self.last, self.opened = position.epoch, position.offset, True
        self._ahead = {offset: item for offset, item in self._ahead.items() if offset > self.last}
        self._take_ahead()

    def is_behind(self) -> bool:
        """Whether there are items between ``last`` and ``known`` that have not arrived."""
        return self.opened and self.known > self.last

    def has_batch(self) -> bool:
        """Whether there is something to flush."""
        return bool(self._batch)

    def add(self, follower: Subscriber, shape: Encoder) -> Subscription:
        """Begin a subscription, held; what is in the batch already belongs to its history."""
        subscription = Subscription(self, follower, shape)
        self.flush()
        self._audiences.setdefault(shape, _Audience()).others[subscription] = None
        return subscription

    def go_live(self, subscription: Subscription) -> None:
        """Write to the subscription's connection directly from now on, where it has one."""
        audience, raw = self._audiences.get(subscription.shape), subscription.follower.raw
        if raw is not None and audience is not None and subscription in audience.others:
            del audience.others[subscription]
            audience.raw[subscription] = raw

    def remove(self, subscription: Subscription) -> None:
        """End a subscription; harmless when it has ended."""
        audience = self._audiences.get(subscription.shape)
        if audience is None:
            return
        audience.raw.pop(subscription, None)
        audience.others.pop(subscription, None)
        if not audience:
            del self._audiences[subscription.shape]

    def offer(self, item: Envelope) -> bool:
        """Take an item; returns whether there is something to flush."""
        if not item.offset:
            self._append(item)
            return True
        if self.has_other_history(item.epoch):
            return False
        self.known = max(self.known, item.offset)
        if item.offset <= self.last and self.opened:
            return False
        if not self.opened or item.offset != self.last + 1:
            if len(self._ahead) < AHEAD_LIMIT:
                self._ahead[item.offset] = item
            return False
        self.epoch, self.last = item.epoch, item.offset
        self._append(item)
        self._take_ahead()
        return True

    def has_other_history(self, epoch: str) -> bool:
        """Whether ``epoch`` is not the one this feed follows (a feed that has seen nothing follows any)."""
        return self.opened and bool(self.epoch) and epoch != self.epoch

    def settle(self) -> None:
        """Nothing is missing after all: forget offsets that somebody claimed and the database does not have."""
        self.known = self.last
        self._ahead.clear()

    def restart(self, position: Position) -> None:
        """Follow another history from ``position``; all followers are told to come back."""
        self._batch.clear()
        self._ahead.clear()
        self.known = position.offset
        self.open(position)
        for audience in list(self._audiences.values()):
            for subscription in [*audience.raw, *audience.others]:
                subscription.follower.restart()

    def flush(self) -> None:
        """Send the batch: each frame is made once per shape, all frames of the batch go to a follower together."""
        items, self._batch = self._batch, []
        if not items:
            return
        deliveries = 0
        for shape, audience in list(self._audiences.items()):
            if texts := texts_of(shape, items):
                block = FrameBatch(texts)
                deliveries += len(texts) * len(audience)
                # Copies, because a socket that turns out to be too slow leaves while it is written to.
                if audience.raw:
                    for data in block.raw:
                        for write in list(audience.raw.values()):
                            write(data)
                for subscription in list(audience.others):
                    subscription.write(block)
        metrics.DELIVERIES.inc(deliveries)
        metrics.RELAY_LAG.observe(time.perf_counter() - self._arrived)

    def _append(self, item: Envelope) -> None:
        if not self._batch:
            self._arrived = time.perf_counter()
        self._batch.append(item)

    def _take_ahead(self) -> None:
        while item := self._ahead.pop(self.last + 1, None):
            self.epoch, self.last = item.epoch, item.offset
            self._append(item)
