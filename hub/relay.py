"""The relay: one per web process, between the channel layer and the sockets.

It has one layer channel, joined to the groups its sockets need, so that Redis works per process and not per socket.
What the layer brings goes to the channel's :class:`hub.feed.Feed`; what the layer did not bring is read from the
database: a gap as soon as it is seen, a lost tail within ``HUB_REPAIR_INTERVAL``.
"""

import asyncio
import random
from typing import Any

import structlog
from django.db import Error as DatabaseFault
from redis.exceptions import RedisError

from hub import announcing, metrics, streams, sweeping
from hub.batching import Batcher
from hub.cancellation import is_wanted
from hub.channels import group_name, namespace_of
from hub.conf import hub_settings
from hub.events import NotAPublication, unpack
from hub.feed import Feed, Follower, Shape, Subscription
from hub.layer import group_add_many, group_discard_many, layer
from hub.streams import Item, Position
from hub.threads import in_database_thread

log = structlog.get_logger(__name__)

#: Seconds an item may be early before the database is asked for what is missing: two publishers in different threads
#: often announce in the opposite order, and the missing one is on its way.
GAP_PATIENCE = 0.02

#: Seconds a channel that nobody follows any more stays joined, so that reloading a page costs Redis nothing.
LINGER = 5.0

#: Messages taken from the layer before the event loop gets its turn again.
TURN = 256

#: Seconds before the next message is taken after one that could not be read.
UNREADABLE_PAUSE = 0.01

#: Publications read from the database at once.
CHUNK = 500


class Relay:
    """Brings the publications of channels to their followers, in order and without gaps. Lives on one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._feeds: dict[str, Feed] = {}
        self._opening: dict[str, asyncio.Future[None]] = {}
        self._catching_up: dict[str, asyncio.Task[None]] = {}
        #: The feed whose batch will be sent at the end of this turn of the loop.
        self._dirty: Feed | None = None
        self._not_joined: set[str] = set()
        self._leaving: set[str] = set()
        self._positions = Batcher(self._read_positions)
        self._joins = Batcher(self._join_groups)
        self._layer_channel: str | None = None
        self._has_layer_channel = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        announcing.serve(self.loop, self.deliver)
        self._start(self._receive())
        if hub_settings().repair_interval:
            self._start(self._repair_for_ever())

    # --- following ------------------------------------------------------------------------------------------------

    async def follow(self, channel: str, follower: Follower, shape: Shape) -> Subscription:
        """Register ``follower`` with ``channel``; nothing of it is missed from here on.

        The subscription is held: the caller may write history up to ``subscription.start`` and must then
        ``release()`` it. Without Redis the channel is followed by tail repair.

        Raises:
            UnknownChannel: no such namespace.
            django.db.Error: where the channel stands cannot be read.
        """
        namespace_of(channel)
        feed = await self._opened(channel)
        return feed.add(follower, shape)

    def unfollow(self, subscription: Subscription) -> None:
        """End a subscription; harmless when it has ended."""
        feed = subscription.feed
        feed.remove(subscription)
        if not feed:
            self.loop.call_later(LINGER, self._close_if_unused, feed)

    async def _opened(self, channel: str) -> Feed:
        feed = self._feeds.get(channel)
        if feed is None:
            feed = self._feeds[channel] = Feed(channel)
            metrics.CHANNELS.inc()
            self._opening[channel] = self._start(self._open(feed))
        if opening := self._opening.get(channel):
            # Shared by all who came meanwhile: one that gives up must not take the others along.
            await asyncio.shield(opening)
        return feed

    async def _open(self, feed: Feed) -> None:
        try:
            if self._not_joined:
                self._not_joined.add(feed.channel)  # Redis is away already: no need to wait for it once more
            else:
                await self._join(feed.channel)
            durable = namespace_of(feed.channel).durable
            position = await self._positions.get(feed.channel) if durable else Position()
        except BaseException:
            self._forget(feed)
            raise
        finally:
            self._opening.pop(feed.channel, None)
        feed.open(position)
        self._after_offer(feed)
        self.loop.call_later(LINGER, self._close_if_unused, feed)

    async def _join(self, channel: str) -> None:
        """Join the channel's group; if Redis does not answer in time, tail repair delivers and tries again."""
        try:
            await self._joins.get(channel)
        except Exception as error:  # noqa: BLE001  # each layer raises what it likes
            if not self._not_joined:
                log.warning("layer_away", error=type(error).__name__, channel=channel)
            self._not_joined.add(channel)
        else:
            self._not_joined.discard(channel)

    async def _join_groups(self, channels: list[str]) -> dict[str, None]:
        async with asyncio.timeout(hub_settings().redis_timeout):
            await self._has_layer_channel.wait()
            await group_add_many([group_name(channel) for channel in channels], str(self._layer_channel))
        return dict.fromkeys(channels)

    async def _read_positions(self, channels: list[str]) -> dict[str, Position]:
        return await in_database_thread(streams.positions, channels)

    def _close_if_unused(self, feed: Feed) -> None:
        if not feed and self._feeds.get(feed.channel) is feed and feed.channel not in self._opening:
            self._forget(feed)

    def _forget(self, feed: Feed) -> None:
        if self._feeds.get(feed.channel) is feed:
            del self._feeds[feed.channel]
            self._not_joined.discard(feed.channel)
            metrics.CHANNELS.dec()
            if not self._leaving:
                self._start(self._leave())
            self._leaving.add(feed.channel)

    async def _leave(self) -> None:
        """Leave the groups of channels that nobody follows, all of this moment together."""
        await asyncio.sleep(0)
        channels, self._leaving = self._leaving - self._feeds.keys(), set()
        try:
            async with asyncio.timeout(hub_settings().redis_timeout):
                if self._layer_channel:
                    await group_discard_many([group_name(channel) for channel in channels], self._layer_channel)
        except Exception as error:  # noqa: BLE001  # each layer raises what it likes
            log.warning("leave_failed", channels=len(channels), error=type(error).__name__)

    # --- delivering -----------------------------------------------------------------------------------------------

    def deliver(self, item: Item) -> None:
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

    def _after_offer(self, feed: Feed) -> None:
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
                source = layer()
                channel = await self._new_channel(source)
                pause = 0.1
                while is_wanted():
                    for _ in range(TURN):
                        self._take(await self._next(source, channel))
                    await asyncio.sleep(0)
            except Exception as error:  # noqa: BLE001  # each layer raises what it likes
                log.warning("layer_away", error=type(error).__name__)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, 5.0)

    async def _next(self, source: Any, channel: str) -> object:
        """The next message; None for one that cannot even be read, which is no reason to leave the layer."""
        try:
            return await source.receive(channel)
        except (OSError, RedisError):
            raise
        except Exception:  # noqa: BLE001  # serialisers raise what they like about what somebody sent
            # It is logged and counted as an unknown event. The pause bounds that, should nothing be readable any more.
            await asyncio.sleep(UNREADABLE_PAUSE)
            return None

    async def _new_channel(self, source: Any) -> str:
        async with asyncio.timeout(hub_settings().redis_timeout):
            channel: str = await source.new_channel("relay")
        self._layer_channel = channel
        self._has_layer_channel.set()
        self._not_joined.update(self._feeds)
        self._start(self._join_missing())
        return channel

    def _take(self, message: object) -> None:
        try:
            self.deliver(unpack(message))
        except NotAPublication as error:
            metrics.UNKNOWN_EVENTS.inc()
            log.warning("unknown_event", reason=str(error))

    # --- repairing ------------------------------------------------------------------------------------------------

    def _catch_up(self, feed: Feed, reason: str, patience: float) -> None:
        if feed.channel not in self._catching_up:
            self._catching_up[feed.channel] = self._start(self._read_missing(feed, reason, patience))

    async def _read_missing(self, feed: Feed, reason: str, patience: float) -> None:
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

    async def _read_until_whole(self, feed: Feed, reason: str) -> None:
        while self._feeds.get(feed.channel) is feed and (feed.is_behind() or reason == "epoch"):
            # The position before the items: what is stored between the two reads is then among the items.
            position = (await in_database_thread(streams.positions, [feed.channel]))[feed.channel]
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

        Before that, what a crash left without an offset is numbered, in one query of an empty index as a rule.
        """
        looked_at = self.loop.time()
        while is_wanted():
            await asyncio.sleep(hub_settings().repair_interval * random.uniform(0.8, 1.2))
            try:
                await self._join_missing()
                await in_database_thread(sweeping.sweep)
                now = self.loop.time()
                # All that happened since the last look that succeeded, however long ago that was.
                self._compare(await in_database_thread(streams.touched, now - looked_at))
                looked_at = now
            except DatabaseFault as error:
                log.warning("repair_failed", error=type(error).__name__)
            except Exception:
                log.exception("repair_failed")  # whatever it was, repairing must not end with it

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
        if not missing or not self._layer_channel:
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
        metrics.CHANNELS.dec(len(self._feeds))
        self._feeds.clear()


_relay: Relay | None = None


def current() -> Relay:
    """The relay of the running event loop, made on first use."""
    global _relay
    if _relay is None or _relay.loop is not asyncio.get_running_loop():
        _relay = Relay()
    return _relay


async def close() -> None:
    """Close the relay of the running loop, if there is one; for the end of a server or a test."""
    global _relay
    relay, _relay = _relay, None
    if relay is not None and relay.loop is asyncio.get_running_loop():
        await relay.close()
