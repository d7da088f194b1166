"""The relay: one per web process, between the channel layer and the sockets.

The relay has one layer channel, joined to the groups that its sockets need, so Redis works per process and not per
socket. It passes what arrives to the channel's :class:`hub.fanout.local_channel.LocalChannel`, and reads what does not
arrive from the database: a gap at once, the newest publications within ``HUB_REPAIR_INTERVAL`` (*catch-up*).
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence

from hub import streams
from hub.bus import announcer
from hub.bus.envelope import NotForClients, unpack
from hub.bus.receiver import Received, Receiver, open_receiver
from hub.channels import aliases, channel_of_group, group_name, namespace_of
from hub.concurrency.background import Background, backoff
from hub.concurrency.batcher import CONNECT_PAUSE, Batcher
from hub.concurrency.node import Part
from hub.concurrency.tasks import Tasks
from hub.config import hub_settings
from hub.database.threads import in_database_thread
from hub.fanout.catch_up import CatchUp
from hub.fanout.local_channel import Encoder, LocalChannel, Subscriber, Subscription
from hub.fanout.received import Places, count_received
from hub.logs import get_logger
from hub.logs.rare_log import RareLog
from hub.ops import gauges, metrics
from hub.streams import Envelope, Position

log = get_logger(__name__)

#: Seconds that a channel without subscribers stays joined, so that reloading a page costs Redis nothing.
LINGER = 5.0

#: Messages taken from the layer before other tasks of the event loop run again.
TURN = 256

#: The position of a channel without a stream or without history: one object for all of them.
_BEGINNING = Position()


class Relay:
    """Delivers publications to their subscribers, in order and without gaps. Lives on one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._local_channels: dict[str, LocalChannel] = {}
        #: The local channel whose batch is flushed at the end of this turn of the loop.
        self._dirty: LocalChannel | None = None
        self._not_joined: set[str] = set()
        #: Groups to leave.
        self._leaving: set[str] = set()
        self._aliases = aliases.AliasTable()
        self._opened = Batcher(self._open, pause=CONNECT_PAUSE)
        self._receiver: Receiver | None = None
        self._has_receiver = asyncio.Event()
        #: Whether the receiver has failed, and another one is to be opened.
        self._receiver_failed = True
        self._rare_log = RareLog(log)
        self._tasks = Tasks()
        #: Receives from the layer, and opens another receiver while the broker is unavailable.
        self._receiving = Background(
            "relay",
            self._receive,
            event="broker_unavailable",
            expected=(Exception,),  # each layer raises what it likes
            retry=backoff(0.1, 5.0),
        )
        self._joining = Background("joining of groups", self._join_missing, event="join_failed")
        self.catch_up = CatchUp(self._local_channels, self._after_offer, self._joining.wake)
        announcer.serve(self.loop, self.deliver)
        self._receiving.wake()
        if hub_settings().repair_interval:
            self.catch_up.start()

    # --- subscribing -----------------------------------------------------------------------------------------------

    async def subscribe(self, channel: str, subscriber: Subscriber, encoder: Encoder) -> Subscription:
        """:meth:`attach` for a new subscription to one channel."""
        namespace_of(channel)
        subscription = Subscription(channel, subscriber, encoder)
        await self.attach([subscription])
        return subscription

    async def attach(self, subscriptions: Sequence[Subscription]) -> None:
        """Begin new subscriptions, all or none. The namespaces of their channels must be registered.

        They are held: the caller may write history up to the ``start`` of each, and must then ``release()`` it;
        nothing after ``start`` is missed. While Redis is away, catch-up delivers.

        Raises:
            django.db.Error: the position of a channel cannot be read.
        """
        while unopened := [one.channel for one in subscriptions if not self._is_open(one.channel)]:
            # Opening awaits, and a channel that was open may be closed meanwhile because it has no subscribers.
            await self._opened.get_many(unopened)
        for subscription in subscriptions:
            subscription.attach(self._local_channels[subscription.channel])

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; harmless when it has ended."""
        local_channel = subscription.local_channel
        if local_channel.remove(subscription) and not local_channel:
            self.loop.call_later(LINGER, self._close_unused, (local_channel,))

    def waiting(self) -> int:
        """How many messages from the layer wait to be taken."""
        return self._receiver.waiting() if self._receiver is not None else 0

    def subscribed(self) -> dict[str, int]:
        """How many subscriptions each channel with subscribers has."""
        return {
            channel: len(local_channel) for channel, local_channel in self._local_channels.items() if local_channel
        }

    def clients(self) -> dict[str, int]:
        """How many client subscriptions each channel that has some has."""
        return {
            channel: clients
            for channel, local_channel in self._local_channels.items()
            if (clients := local_channel.clients())
        }

    def has_clients(self, channel: str) -> bool:
        """Whether some client of this process has subscribed to the channel."""
        local_channel = self._local_channels.get(channel)
        return local_channel is not None and local_channel.clients() > 0

    async def received(self, several: Sequence[Places]) -> list[int]:
        """As :func:`hub.fanout.received.count_received`, of the clients of this process."""
        return await count_received(self._local_channels, several)

    def channels(self) -> list[str]:
        """The channels that this process has open."""
        return list(self._local_channels)

    def _is_open(self, channel: str) -> bool:
        local_channel = self._local_channels.get(channel)
        return local_channel is not None and local_channel.opened

    async def _open(self, channels: list[str]) -> dict[str, None]:
        """Open ``channels``; requests of the same moment are opened together."""
        local_channels = [LocalChannel(channel) for channel in channels if not self._is_open(channel)]
        names = [local_channel.channel for local_channel in local_channels]
        self._local_channels.update(zip(names, local_channels, strict=True))
        metrics.CHANNELS.inc(len(local_channels))
        try:
            self._aliases.put(await _aliases_of(names))
            if self._not_joined:
                self._not_joined.update(names)  # Redis is away already: no need to wait for it once more
            else:
                await self._join(names)
            durable = [name for name in names if namespace_of(name).durable]
            positions = await in_database_thread(streams.begin, durable) if durable else {}
        except BaseException:
            for local_channel in local_channels:
                self._forget(local_channel)
            raise
        for local_channel in local_channels:
            local_channel.open(positions.get(local_channel.channel, _BEGINNING))
            if local_channel.has_batch() or local_channel.is_behind():
                self._after_offer(local_channel)
        self.loop.call_later(LINGER, self._close_unused, local_channels)
        return dict.fromkeys(channels)

    async def _join(self, channels: Collection[str]) -> None:
        """Join the channels' groups. If Redis does not answer in time, catch-up delivers and tries again."""
        try:
            await self._join_groups(channels)
        except Exception as error:  # noqa: BLE001  # each layer raises what it likes
            metrics.FAILURES.labels("broker_unavailable").inc()
            if not self._not_joined:
                log.warning("broker_unavailable", error=type(error).__name__, channels=len(channels))
            self._not_joined.update(channels)

    async def _join_missing(self) -> None:
        missing = [channel for channel in self._not_joined if channel in self._local_channels]
        receiver = self._receiver
        if not missing or receiver is None:
            return
        try:
            await self._join_groups(missing)
        except Exception as error:  # noqa: BLE001  # each layer raises what it likes
            metrics.FAILURES.labels("broker_unavailable").inc()
            log.debug("broker_still_unavailable", error=type(error).__name__)
        else:
            if receiver is not self._receiver:
                return  # the new one has been woken to join them
            log.info("broker_joined", channels=len(missing))
            self._not_joined.difference_update(missing)

    async def _join_groups(self, channels: Collection[str]) -> None:
        async with asyncio.timeout(hub_settings().redis_timeout):
            await self._has_receiver.wait()
            if self._receiver is not None:
                await self._receiver.join(self._groups_of(channels))

    def _groups_of(self, channels: Collection[str]) -> list[str]:
        """The groups that carry ``channels``: their own, and their aliases."""
        return [group for channel in channels for group in (group_name(channel), *self._aliases.of(channel))]

    def _close_unused(self, local_channels: Iterable[LocalChannel]) -> None:
        for local_channel in local_channels:
            if not local_channel and local_channel.opened:
                self._forget(local_channel)

    def _forget(self, local_channel: LocalChannel) -> None:
        if self._local_channels.get(local_channel.channel) is local_channel:
            del self._local_channels[local_channel.channel]
            self._not_joined.discard(local_channel.channel)
            metrics.CHANNELS.dec()
            self._leave_soon([group_name(local_channel.channel), *self._aliases.drop(local_channel.channel)])

    def _leave_soon(self, groups: Collection[str]) -> None:
        if groups and not self._leaving:
            self._tasks.start(self._leave())
        self._leaving.update(groups)

    async def _leave(self) -> None:
        """Leave the groups that are no longer needed; those of the same moment together."""
        await asyncio.sleep(0)
        groups, self._leaving = self._leaving, set()
        groups = {
            group
            for group in groups
            if group not in self._aliases and channel_of_group(group) not in self._local_channels
        }
        try:
            async with asyncio.timeout(hub_settings().redis_timeout):
                if self._receiver is not None:
                    await self._receiver.leave(groups)
        except Exception as error:  # noqa: BLE001  # each layer raises what it likes
            metrics.FAILURES.labels("leave_failed").inc()
            log.warning("leave_failed", groups=len(groups), error=type(error).__name__)

    # --- aliases --------------------------------------------------------------------------------------------------

    async def refresh_aliases(self, channels: Collection[str] | None = None) -> None:
        """Read the aliases of the subscribed ``channels``, by default all, from the database again.

        Raises:
            django.db.Error: it cannot be read; the aliases stay as they are.
        """
        wanted = (
            self._local_channels
            if channels is None
            else [channel for channel in channels if channel in self._local_channels]
        )
        changing = [channel for channel in wanted if aliases.asks_database(channel)]
        if not changing:
            return
        found = await _aliases_of(changing)
        still = {channel: found.get(channel, []) for channel in changing if channel in self._local_channels}
        added, gone = self._aliases.put(still)
        self._leave_soon(gone)
        if added:
            await self._join({channel for alias in added if (channel := self._aliases.channel_of(alias))})

    # --- delivering -----------------------------------------------------------------------------------------------

    def deliver(self, envelope: Envelope) -> None:
        """Accept an envelope from the layer or from a publisher in this process, in any order and more than once."""
        local_channel = self._local_channels.get(envelope.channel)
        if local_channel is None:
            return
        if envelope.offset and local_channel.has_other_history(envelope.epoch):
            self.catch_up.read(local_channel, "epoch", delay=0)
        elif local_channel.offer(envelope):
            self._after_offer(local_channel)
        elif local_channel.is_behind():
            self.catch_up.read(local_channel, "gap")

    def _after_offer(self, local_channel: LocalChannel) -> None:
        # What arrives for a channel in one turn of the loop is joined and written to each socket once. An envelope of
        # another channel ends the batch: a subscriber of both receives them in the order of arrival.
        before, self._dirty = self._dirty, local_channel
        if before is None:
            self.loop.call_soon(self._flush)
        elif before is not local_channel:
            before.flush()
        if local_channel.is_behind():
            self.catch_up.read(local_channel, "gap")

    def _flush(self) -> None:
        local_channel, self._dirty = self._dirty, None
        if local_channel is not None:
            local_channel.flush()

    async def _receive(self) -> float:
        """Take what has arrived over the layer, or wait for it."""
        if self._receiver is None or self._receiver_failed:
            await self._open_receiver()
            return 0.0
        try:
            for _ in range(TURN):
                self._take(await self._receiver.receive())
        except BaseException:
            self._receiver_failed = True
            raise
        return 0.0

    async def _open_receiver(self) -> None:
        if self._receiver is not None:
            self._receiver.close()
        self._receiver = await open_receiver()
        self._receiver_failed = False
        self._has_receiver.set()
        self._not_joined.update(self._local_channels)
        self._joining.wake()

    def _take(self, received: Received) -> None:
        channel = channel_of_group(received.group) or self._aliases.channel_of(received.group)
        if channel is None or channel not in self._local_channels:
            return  # the relay is about to leave the group
        try:
            envelope = unpack(received.message, channel)
        except NotForClients as error:
            metrics.UNKNOWN_EVENTS.inc()
            self._rare_log.warning("unknown_event", reason=str(error), channel=channel)
        else:
            if envelope.is_foreign:
                metrics.FOREIGN_EVENTS.inc()
            self.deliver(envelope)

    # --- life -----------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Stop receiving and catching up. Subscriptions stay, and receive nothing more."""
        parts = (self._receiving, self._joining, self.catch_up, self._tasks)
        await asyncio.gather(*(part.close() for part in parts))
        if self._receiver is not None:
            self._receiver.close()
        metrics.CHANNELS.dec(len(self._local_channels))
        self._local_channels.clear()


async def _aliases_of(channels: Collection[str]) -> dict[str, list[str]]:
    """The aliases of those of ``channels`` that have some."""
    if any(aliases.asks_database(channel) for channel in channels):
        return await in_database_thread(aliases.find, channels)
    return aliases.find(channels)


def _waiting() -> int:
    made = current.made
    return made.waiting() if made is not None else 0


#: The relay of the running event loop.
current = Part(Relay, at_start=True)

gauges.queue("layer", _waiting)
