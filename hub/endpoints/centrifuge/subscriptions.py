"""One client's place in one channel: made, recovered, and ended."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from hub.channels import Namespace
from hub.concurrency.batcher import CONNECT_PAUSE, Batcher
from hub.config import hub_settings
from hub.database.threads import in_database_thread
from hub.endpoints.centrifuge import connection_presence, encoder
from hub.endpoints.centrifuge.codes import Error, Failed, Unsubscribed
from hub.endpoints.centrifuge.messages import ClientInfo, SubscribeResult
from hub.fanout import recovery, relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import RawWrite
from hub.fanout.local_channel import Subscription as FeedSubscription
from hub.streams import Envelope, Position, begin

if TYPE_CHECKING:
    from hub.endpoints.centrifuge.client import Client

#: Seconds after which a subscription or connection ends whose token was not renewed in time.
GRACE = 25.0

#: Seconds that a process gets to hear of what a client already has from another one.
CATCH_UP = 2.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a client wants a channel.

    Args:
        since: recover what came after this position; None begins now.
        recoverable: it will want to recover later.
        comings: it wants to know who comes and leaves.
        whole: refuse the subscription where what was missed cannot be had whole.
        expires: when its token ends, in seconds since 1970; None where it does not.
        by_hub: the hub subscribes it, by itself or for a backend.
        by_token: a token allows it, so that the rule of the channel is not asked.
        data: JSON for the client, from the backend that subscribes it; empty for none.
        info: JSON that others are told of the client in this channel; empty for none.
    """

    since: Position | None = None
    recoverable: bool = False
    positioned: bool = False
    comings: bool = False
    whole: bool = False
    expires: float | None = None
    by_hub: bool = False
    by_token: bool = False
    data: bytes = b""
    info: bytes = b""


#: What a subscription is like whose client has been answered: nothing of how it was wanted is needed any more.
_SETTLED = Wanted()


class ClientSubscription:
    """The follower of a feed that stands for one client. What it writes is raw where the client's transport is."""

    __slots__ = (
        "_timer",
        "arguments",
        "by_hub",
        "by_token",
        "channel",
        "client",
        "doomed",
        "expires",
        "feed",
        "info",
        "is_live",
        "is_there",
        "namespace",
        "wanted",
    )

    def __init__(
        self, client: "Client", channel: str, namespace: Namespace, arguments: dict[str, Any], wanted: Wanted
    ) -> None:
        self.client = client
        self.channel = channel
        self.namespace = namespace
        self.arguments = arguments
        self.wanted = wanted
        self.by_hub = wanted.by_hub
        self.by_token = wanted.by_token
        self.expires = wanted.expires
        self.info = wanted.info
        self.feed: FeedSubscription | None = None
        #: Whether presence lists it.
        self.is_there = False
        #: Whether the client has been told of it.
        self.is_live = False
        #: Why it ends as soon as the client has been told of it; None where it does not.
        self.doomed: Unsubscribed | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def wants_comings(self) -> bool:
        """Whether the client is told who comes and leaves."""
        return self.namespace.join_leave and (self.wanted.comings or self.namespace.force_push_join_leave)

    @property
    def client_info(self) -> ClientInfo:
        """What others are told of the client in this channel."""
        info = self.client.info
        if self.info:
            info.chan_info = Raw(self.info)
        return info

    # --- hub.fanout.local_channel.Subscriber -------------------------------------------------------------------------

    @property
    def raw(self) -> RawWrite | None:
        """Where the relay may write by itself."""
        return self.client.transport.raw

    def write(self, block: FrameBatch) -> None:
        """Take frames from the relay."""
        self.client.transport.write(block)

    def restart(self) -> None:
        """What follows cannot be had whole here: the client comes back to this channel with its position."""
        self.client.lost(self)

    # --- life -------------------------------------------------------------------------------------------------------

    def go_live(self) -> None:
        """The client has been told: send it what came meanwhile, then everything."""
        self.is_live = True
        self.wanted = _SETTLED
        if self.feed is not None:
            self.feed.release()
        self.expire_at(self.expires)

    def expire_at(self, moment: float | None) -> None:
        """End the subscription at ``moment``, unless that is set anew; None for never.

        Who has to renew it gets some time more. Nobody renews what the hub subscribes a client to.
        """
        self.expires = moment
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moment is not None:
            delay = max(0.0, moment - time.time()) + (0.0 if self.by_hub else GRACE)
            self._timer = asyncio.get_running_loop().call_later(delay, self.client.expired, self)

    def cut(self) -> None:
        """Nothing is written from now on; harmless when that is so already."""
        if self._timer is not None:
            self._timer.cancel()
        if self.feed is not None:
            relay.current().unsubscribe(self.feed)

    async def leave(self) -> None:
        """Take it off the lists of presence."""
        if self.is_there:
            self.is_there = False
            await connection_presence.leave(self, restarting=self.client.restarting)


async def _begin(channels: list[str]) -> dict[str, Position]:
    return await in_database_thread(begin, channels)


_beginning = Batcher(_begin, pause=CONNECT_PAUSE)


async def establish(subscriptions: Sequence[ClientSubscription]) -> list[SubscribeResult]:
    """Follow the channels and recover what was missed. The feeds are held until :meth:`ClientSubscription.go_live`.

    All or none: where this raises, nothing is followed.

    Raises:
        Failed: what was missed cannot be had whole, and the client wants nothing else.
        django.db.Error: where a channel stands cannot be read.
    """
    try:
        await _follow(subscriptions)
        return [await _settle(subscription) for subscription in subscriptions]
    except BaseException:
        for subscription in subscriptions:
            subscription.cut()
        raise


async def _follow(subscriptions: Sequence[ClientSubscription]) -> None:
    wanted = [(one.channel, encoder.shape(comings=one.wants_comings)) for one in subscriptions]
    feeds = await relay.current().subscribe_many(wanted, subscriptions[0])
    for subscription, feed in zip(subscriptions, feeds, strict=True):
        feed.subscriber = subscription
        subscription.feed = feed
    await name_histories([one.feed for one in subscriptions if one.feed is not None and one.namespace.durable])


async def name_histories(feeds: Iterable[FeedSubscription]) -> None:
    """A client's position must say which history it belongs to, also where nothing was published yet."""
    unnamed = [feed for feed in feeds if not feed.start.epoch]
    nameless = [feed.local_channel.channel for feed in unnamed if not feed.local_channel.epoch]
    names = dict(zip(nameless, await _beginning.get_many(nameless), strict=True)) if nameless else {}
    for feed in unnamed:
        if not feed.local_channel.epoch:
            feed.local_channel.epoch = names[feed.local_channel.channel].epoch
        feed.start = Position(feed.local_channel.epoch, 0)


async def _settle(subscription: ClientSubscription) -> SubscribeResult:
    namespace, wanted, feed = subscription.namespace, subscription.wanted, subscription.feed
    result = SubscribeResult() if wanted.since is None else await _recover(subscription, wanted.since)
    if namespace.durable and feed is not None:
        result.epoch = feed.start.epoch
        result.recoverable = namespace.force_recovery or wanted.recoverable
        result.positioned = result.recoverable or wanted.positioned
        if not result.recovered:
            result.offset = feed.start.offset
    if subscription.expires is not None and not subscription.by_hub:
        result.expires, result.ttl = True, max(1, int(subscription.expires - time.time()))
    if namespace.presence and (namespace.counts_guests or subscription.client.user.pk is not None):
        # Before anything is awaited: whoever is cancelled from here on has entered, and leaves.
        subscription.is_there = True
        result.data = await connection_presence.enter(subscription)
    if wanted.data:
        result.data = Raw(wanted.data)
    return result


async def _recover(subscription: ClientSubscription, since: Position) -> SubscribeResult:
    items: list[Envelope] | None = None
    if subscription.namespace.durable and subscription.feed is not None:
        # The protocol's clients leave out the epoch to mean whatever history there is.
        since = Position(since.epoch or subscription.feed.start.epoch, since.offset)
        items = await recovery.missed(subscription.feed, since)
        if items is not None and since.offset > subscription.feed.start.offset:
            await _wait_until_as_far(subscription, since)
            # It may begin behind more than that by now.
            items = await recovery.missed(subscription.feed, since)
        if items is not None and sum(item.size for item in items) > hub_settings().recovery_bytes:
            items = None
    if items is None:
        if subscription.wanted.whole:
            raise Failed(Error.UNRECOVERABLE_POSITION)
        return SubscribeResult(was_recovering=True)
    # The position recovered from: each publication that follows moves it, and none is as good as some.
    return SubscribeResult(
        was_recovering=True, recovered=True, offset=since.offset, publications=encoder.publications_of(items)
    )


async def _wait_until_as_far(subscription: ClientSubscription, since: Position) -> None:
    """The client has seen what this process has not heard of yet: begin behind it, so that it sees nothing twice."""
    held = subscription.feed
    if held is None:
        return
    deadline = time.monotonic() + CATCH_UP
    while held.start.offset < since.offset and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        if held.local_channel.last >= since.offset:
            followed = await relay.current().subscribe(subscription.channel, subscription, held.encoder)
            relay.current().unsubscribe(held)
            subscription.feed = held = followed
