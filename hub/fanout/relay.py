"""The relay: one per web process, between the channel layer and the sockets.

It has one layer channel, joined to the groups its sockets need, so that Redis works per process and not per socket.
What the layer brings goes to the channel's :class:`hub.fanout.local_channel.LocalChannel`; what the layer did not
bring is read from the
database: a gap as soon as it is seen, a lost tail within ``HUB_REPAIR_INTERVAL``.
"""

import asyncio
import random
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import structlog
from django.db import Error as DatabaseFault

from hub import streams
from hub.bus import announcer
from hub.bus.envelope import NotForClients, unpack
from hub.bus.receiver import Received, Receiver, open_receiver
from hub.channels import aliases, channel_of_group, group_name, namespace_of
from hub.concurrency.batcher import CONNECT_PAUSE, Batcher
from hub.concurrency.cancellation import is_wanted
from hub.concurrency.per_loop import PerLoop
from hub.config import hub_settings
from hub.database.threads import in_database_thread
from hub.fanout.local_channel import Encoder, LocalChannel, Subscriber, Subscription
from hub.ops import gauges, metrics
from hub.ops.rare_log import RareLog
from hub.publishing import sweeper
from hub.streams import Envelope, Position, cursors

log = structlog.get_logger(__name__)

#: Seconds an item may be early before the database is asked for what is missing: two publishers in different threads
#: often announce in the opposite order, and the missing one is on its way.
GAP_PATIENCE = 0.02

#: Seconds a channel that nobody follows any more stays joined, so that reloading a page costs Redis nothing.
LINGER = 5.0

#: Messages taken from the layer before the event loop gets its turn again.
TURN = 256

#: Publications read from the database at once.
CHUNK = 500

#: Tail repair pauses so many times as long as the database took for the last look, so many seconds at most.
REPAIR_SHARE, REPAIR_PAUSE = 10.0, 25.0

#: Where a channel stands that has no stream, or keeps nothing: one object for all of them.
_BEGINNING = Position()


class Relay:
    """Brings the publications of channels to their followers, in order and without gaps. Lives on one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._feeds: dict[str, LocalChannel] = {}
        self._catching_up: dict[str, asyncio.Task[None]] = {}
        #: The feed whose batch will be sent at the end of this turn of the loop.
        self._dirty: LocalChannel | None = None
        self._not_joined: set[str] = set()
        #: Groups to leave.
        self._leaving: set[str] = set()
        self._aliases = aliases.AliasTable()
        self._opened = Batcher(self._open, pause=CONNECT_PAUSE)
        self._receiver: Receiver | None = None
        self._has_receiver = asyncio.Event()
        self._rare_log = RareLog(log)
        self._tasks: set[asyncio.Task[Any]] = set()
        announcer.serve(self.loop, self.deliver)
        self._start(self._receive())
        if hub_settings().repair_interval:
            self._start(self._repair_for_ever())

    # --- following ------------------------------------------------------------------------------------------------

    async def follow(self, channel: str, follower: Subscriber, shape: Encoder) -> Subscription:
        """:meth:`follow_many` for one channel."""
        (subscription,) = await self.follow_many([(channel, shape)], follower)
        return subscription

    async def follow_many(self, channels: Iterable[tuple[str, Encoder]], follower: Subscriber) -> list[Subscription]:
        """Register ``follower`` with each channel, with the shape of its frames there; nothing is missed from here on.

        The subscriptions, in the order of ``channels``, are held: the caller may write history up to the ``start`` of
        each and must then ``release()`` it. Without Redis a channel is followed by tail repair. All or none: where
        this raises, ``follower`` follows nothing.

        Raises:
            UnknownChannel: no such namespace.
            django.db.Error: where a channel stands cannot be read.
        """
        wanted = list(channels)
        for channel, _ in wanted:
            namespace_of(channel)
        while unopened := [channel for channel, _ in wanted if not self._is_open(channel)]:
            # Opening takes its turns, and a channel that was open may be closed meanwhile for want of followers.
            await self._opened.get_many(unopened)
        return [self._feeds[channel].add(follower, shape) for channel, shape in wanted]

    def unfollow(self, subscription: Subscription) -> None:
        """End a subscription; harmless when it has ended."""
        feed = subscription.feed
        feed.remove(subscription)
        if not feed:
            self.loop.call_later(LINGER, self._close_unused, (feed,))

    def waiting(self) -> int:
        """How many messages from the layer wait to be taken."""
        return self._receiver.waiting() if self._receiver is not None else 0

    def followed(self) -> dict[str, int]:
        """The channels that are followed now, each with how many subscriptions it has."""
        return {channel: len(feed) for channel, feed in self._feeds.items() if feed}

    def clients(self) -> dict[str, int]:
        """The channels that clients follow now, each with how many subscriptions they have."""
        return {channel: clients for channel, feed in self._feeds.items() if (clients := feed.clients())}

    def _is_open(self, channel: str) -> bool:
        feed = self._feeds.get(channel)
        return feed is not None and feed.opened

    async def _open(self, channels: list[str]) -> dict[str, None]:
        """Open the feeds of ``channels``, all that are asked for in the same moment together."""
        feeds = [LocalChannel(channel) for channel in channels if not self._is_open(channel)]
        names = [feed.channel for feed in feeds]
        self._feeds.update(zip(names, feeds, strict=True))
        metrics.CHANNELS.inc(len(feeds))
        try:
            self._aliases.put(await _aliases_of(names))
            if self._not_joined:
                self._not_joined.update(names)  # Redis is away already: no need to wait for it once more
            else:
                await self._join(names)
            durable = [name for name in names if namespace_of(name).durable]
            positions = await in_database_thread(streams.positions, durable) if durable else {}
        except BaseException:
            for feed in feeds:
                self._forget(feed)
            raise
        for feed in feeds:
            feed.open(positions.get(feed.channel, _BEGINNING))
            if feed.has_batch() or feed.is_behind():
                self._after_offer(feed)
        self.loop.call_later(LINGER, self._close_unused, feeds)
        return dict.fromkeys(channels)

    async def _join(self, channels: Collection[str]) -> None:
        """Join the channels' groups; if Redis does not answer in time, tail repair delivers and tries again."""
        try:
            await self._join_groups(channels)
        except Exception as error:  # noqa: BLE001  # each layer raises what it likes
            if not self._not_joined:
                log.warning("layer_away", error=type(error).__name__, channels=len(channels))
            self._not_joined.update(channels)

    async def _join_groups(self, channels: Collection[str]) -> None:
        async with asyncio.timeout(hub_settings().redis_timeout):
            await self._has_receiver.wait()
            if self._receiver is not None:
                await self._receiver.join(self._groups_of(channels))

    def _groups_of(self, channels: Collection[str]) -> list[str]:
        """The groups that carry ``channels``: their own, and their aliases."""
        return [group for channel in channels for group in (group_name(channel), *self._aliases.of(channel))]

    def _close_unused(self, feeds: Iterable[LocalChannel]) -> None:
        for feed in feeds:
            if not feed and feed.opened:
                self._forget(feed)

    def _forget(self, feed: LocalChannel) -> None:
        if self._feeds.get(feed.channel) is feed:
            del self._feeds[feed.channel]
            self._not_joined.discard(feed.channel)
            metrics.CHANNELS.dec()
            self._leave_soon([group_name(feed.channel), *self._aliases.drop(feed.channel)])

    def _leave_soon(self, groups: Collection[str]) -> None:
        if groups and not self._leaving:
            self._start(self._leave())
        self._leaving.update(groups)

    async def _leave(self) -> None:
        """Leave groups that nobody needs any more, all of this moment together."""
        await asyncio.sleep(0)
        groups, self._leaving = self._leaving, set()
        groups = {
            group for group in groups if group not in self._aliases and channel_of_group(group) not in self._feeds
        }
        try:
            async with asyncio.timeout(hub_settings().redis_timeout):
                if self._receiver is not None:
                    await self._receiver.leave(groups)
        except Exception as error:  # noqa: BLE001  # each layer raises what it likes
            log.warning("leave_failed", groups=len(groups), error=type(error).__name__)

    # --- aliases --------------------------------------------------------------------------------------------------

    async def refresh_aliases(self, channels: Collection[str] | None = None) -> None:
        """What is followed of ``channels``, by default everything, may be called differently now: ask the database.

        Raises:
            django.db.Error: it cannot be asked; the aliases stay as they are.
        """
        wanted = self._feeds if channels is None else [channel for channel in channels if channel in self._feeds]
        changing = [channel for channel in wanted if aliases.asks_database(channel)]
        if not changing:
            return
        found = await _aliases_of(changing)
        still = {channel: found.get(channel, []) for channel in changing if channel in self._feeds}
        added, gone = self._aliases.put(still)
        self._leave_soon(gone)
        if added:
            await self._join({channel for alias in added if (channel := self._aliases.channel_of(alias))})

    # --- delivering -----------------------------------------------------------------------------------------------

    def deliver(self, item: Envelope) -> None:
        """Take an item, from the layer or from a publisher in this process; repeats and disorder are harmless."""
        feed = self._feeds.get(item.channel)
        if feed is None:
            return
        if item.offset and feed.has_other_history(item.epoch):
            self._catch_up(feed, "epoch", patience=0)
        elif feed.offer(item):
            self._after_offer(feed)
        elif feed.is_behind():
            self._catch_up(feed, "gap", patience=GAP_PATIENCE)

    def _after_offer(self, feed: LocalChannel) -> None:
        # What arrives for a channel in one turn of the loop is joined and written to each socket once. Another channel
        # ends the batch: who follows both gets their items in the order in which they came.
        if self._dirty is None:
            self.loop.call_soon(self._flush)
        elif self._dirty is not feed:
            self._dirty.flush()
        self._dirty = feed
        if feed.is_behind():
            self._catch_up(feed, "gap", patience=GAP_PATIENCE)

    def _flush(self) -> None:
        feed, self._dirty = self._dirty, None
        if feed is not None:
            feed.flush()

    async def _receive(self) -> None:
        """Take messages from the layer for ever; a layer that is away is asked again."""
        pause = 0.1
        while is_wanted():
            try:
                receiver = await self._new_receiver()
                pause = 0.1
                while is_wanted():
                    for _ in range(TURN):
                        self._take(await receiver.receive())
                    await asyncio.sleep(0)
            except Exception as error:  # noqa: BLE001  # each layer raises what it likes
                log.warning("layer_away", error=type(error).__name__)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, 5.0)

    async def _new_receiver(self) -> Receiver:
        if self._receiver is not None:
            self._receiver.close()
        self._receiver = receiver = await open_receiver()
        self._has_receiver.set()
        self._not_joined.update(self._feeds)
        self._start(self._join_missing())
        return receiver

    def _take(self, received: Received) -> None:
        channel = channel_of_group(received.group) or self._aliases.channel_of(received.group)
        if channel is None or channel not in self._feeds:
            return  # it is about to leave the group
        try:
            item = unpack(received.message, channel)
        except NotForClients as error:
            metrics.UNKNOWN_EVENTS.inc()
            self._rare_log.warning("unknown_event", reason=str(error), channel=channel)
        else:
            if item.is_foreign:
                metrics.FOREIGN_EVENTS.inc()
            self.deliver(item)

    # --- repairing ------------------------------------------------------------------------------------------------

    def _catch_up(self, feed: LocalChannel, reason: str, patience: float) -> None:
        if feed.channel not in self._catching_up:
            self._catching_up[feed.channel] = self._start(self._read_missing(feed, reason, patience))

    async def _read_missing(self, feed: LocalChannel, reason: str, patience: float) -> None:
        try:
            await asyncio.sleep(patience)
            await self._read_until_whole(feed, reason)
        except DatabaseFault as error:
            # The next look of tail repair finds the feed behind again.
            log.warning("catch_up_failed", channel=feed.channel, error=type(error).__name__)
        except Exception:
            log.exception("catch_up_failed", channel=feed.channel)
        finally:
            del self._catching_up[feed.channel]

    async def _read_until_whole(self, feed: LocalChannel, reason: str) -> None:
        while self._feeds.get(feed.channel) is feed and (feed.is_behind() or reason == "epoch"):
            # The position before the items: what is stored between the two reads is then among the items.
            position = (await in_database_thread(streams.begin, [feed.channel]))[feed.channel]
            items = await in_database_thread(streams.read, feed.channel, after=feed.last, limit=CHUNK)
            if not items or feed.has_other_history(items[0].epoch):
                if feed.has_other_history(position.epoch) or position.offset > feed.last:
                    # What is missing is no longer kept, or belongs to another history: followers must reload.
                    feed.restart(position)
                else:
                    feed.settle()
                return
            for item in items:
                feed.offer(item)
            metrics.REPAIRS.labels(reason).inc(len(items))
            self._after_offer(feed)
            reason = "gap"

    async def _repair_for_ever(self) -> None:
        """Look once per interval which channels have moved on, in one query, and fan out what did not arrive.

        Before that, what a crash left without an offset is numbered, in one query of an empty index as a rule. A
        database that is slow is asked less often. Once all that a look found is delivered, that is vouched for
        (:func:`hub.streams.cursors.vouch`).
        """
        looked_at = owed_at = self.loop.time()
        clock_said = time.time()
        cursors.vouch(0.0)  # nothing is followed yet
        owed: dict[str, Position] = {}
        joining: asyncio.Task[None] | None = None
        took = 0.0
        while is_wanted():
            await asyncio.sleep(self._repair_pause(took))
            if joining is None or joining.done():
                joining = self._start(self._join_missing())  # not awaited: Redis may take its time, we have none
            now = self.loop.time()
            try:
                await in_database_thread(sweeper.sweep)
                # All that happened since the last look that succeeded, however long ago that was; where the clock was
                # set ahead meanwhile, what happened before that seems longer ago than it is. What counts there is the
                # clock of the database; ours tells of it where the same hand sets both.
                clock_says = time.time()
                heads = await in_database_thread(streams.touched, max(now - looked_at, clock_says - clock_said))
                looked_at, clock_said = now, clock_says
                if not self._behind(owed):
                    cursors.vouch(self.loop.time() - owed_at)
                    owed, owed_at = self._behind(dict(heads)), now
                self._compare(heads)
            except DatabaseFault as error:
                log.warning("repair_failed", error=type(error).__name__)
            except Exception:
                log.exception("repair_failed")  # whatever it was, repairing must not end with it
            took = self.loop.time() - now

    def _repair_pause(self, took: float) -> float:
        """Seconds until the next look, when the database took ``took`` seconds for the last one."""
        pause = min(max(hub_settings().repair_interval, took * REPAIR_SHARE), REPAIR_PAUSE)
        metrics.REPAIR_PAUSE.set(pause)
        return pause * random.uniform(0.8, 1.2)

    def _behind(self, heads: Mapping[str, Position]) -> dict[str, Position]:
        """Those of ``heads`` that the followers of their channels have not got yet."""
        return {
            channel: head
            for channel, head in heads.items()
            if (feed := self._feeds.get(channel)) is not None
            and feed.opened
            and (feed.has_other_history(head.epoch) or head.offset > feed.last)
        }

    def _compare(self, heads: list[tuple[str, Position]]) -> None:
        for channel, head in heads:
            feed = self._feeds.get(channel)
            if feed is None or not feed.opened:
                continue
            if feed.has_other_history(head.epoch):
                self._catch_up(feed, "epoch", patience=0)
            elif head.offset > feed.last:
                feed.known = max(feed.known, head.offset)
                # The announcement may be in flight, hence the patience.
                self._catch_up(feed, "tail", patience=GAP_PATIENCE)

    async def _join_missing(self) -> None:
        missing = [channel for channel in self._not_joined if channel in self._feeds]
        if not missing or self._receiver is None:
            return
        try:
            await self._join_groups(missing)
        except Exception as error:  # noqa: BLE001  # each layer raises what it likes
            log.debug("layer_still_away", error=type(error).__name__)
        else:
            log.info("layer_joined", channels=len(missing))
            self._not_joined.difference_update(missing)

    # --- life -----------------------------------------------------------------------------------------------------

    def _start(self, coroutine: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Stop receiving and repairing. Subscriptions stay as they are and receive nothing more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            # Bounded, because channels-redis may swallow a cancellation while it connects.
            await asyncio.wait(tasks, timeout=hub_settings().redis_timeout)
        if self._receiver is not None:
            self._receiver.close()
        metrics.CHANNELS.dec(len(self._feeds))
        self._feeds.clear()


async def _aliases_of(channels: Collection[str]) -> dict[str, list[str]]:
    """The aliases of those of ``channels`` that have some."""
    if any(aliases.asks_database(channel) for channel in channels):
        return await in_database_thread(aliases.find, channels)
    return aliases.find(channels)


def _waiting() -> int:
    made = current.made
    return made.waiting() if made is not None else 0


#: The relay of the running event loop, and the end of it.
current = PerLoop(Relay)
close = current.close

gauges.queue("layer", _waiting)
