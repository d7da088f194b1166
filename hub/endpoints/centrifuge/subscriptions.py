"""The subscription of one client to one channel: establish, recover, end."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from hub.channels import Namespace
from hub.config import hub_settings
from hub.endpoints.centrifuge import connection_presence, encoder
from hub.endpoints.centrifuge.codes import Error, Failed, Unsubscribed
from hub.endpoints.centrifuge.messages import ClientInfo, SubscribeResult
from hub.fanout import recovery, relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import RawWrite
from hub.fanout.local_channel import Subscription as LocalSubscription
from hub.streams import Envelope, Position

if TYPE_CHECKING:
    from hub.endpoints.centrifuge.client import Client

#: Seconds that a client has to refresh an expired token before its subscription or connection ends.
GRACE = 25.0

#: Seconds that this process has to receive what the client already has from another process.
CATCH_UP = 2.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of a subscription.

    Args:
        since: recover what was published after this position; None starts with new publications.
        recoverable: the client may recover later.
        join_leave: the client wants join and leave messages.
        whole: refuse the subscription if not everything that was missed can be recovered.
        expires: Unix time at which its token expires; None for never.
        server_side: the hub subscribes the client, by itself or for a backend.
        by_token: a token permits it, so that the rule of the channel is not asked.
        data: JSON for the client, from the backend that subscribes it; empty for none.
        info: JSON that other subscribers see; empty for none.
    """

    since: Position | None = None
    recoverable: bool = False
    positioned: bool = False
    join_leave: bool = False
    whole: bool = False
    expires: float | None = None
    server_side: bool = False
    by_token: bool = False
    data: bytes = b""
    info: bytes = b""


#: The options of a live subscription: they have been applied, and need no memory.
_ANSWERED = Wanted()


class ClientSubscription:
    """The subscriber of a local channel that stands for one client."""

    __slots__ = (
        "_timer",
        "arguments",
        "by_token",
        "channel",
        "client",
        "ending",
        "expires",
        "info",
        "is_live",
        "is_there",
        "local",
        "namespace",
        "server_side",
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
        self.server_side = wanted.server_side
        self.by_token = wanted.by_token
        self.expires = wanted.expires
        self.info = wanted.info
        self.local: LocalSubscription | None = None
        #: Whether presence has a record of it.
        self.is_there = False
        #: False while it is pending: the client has not been told of it.
        self.is_live = False
        #: Why it ends as soon as the client has been told of it; None if it stays.
        self.ending: Unsubscribed | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def wants_join_leave(self) -> bool:
        """Whether the client gets join and leave messages."""
        return self.namespace.join_leave and (self.wanted.join_leave or self.namespace.force_push_join_leave)

    @property
    def client_info(self) -> ClientInfo:
        """What others see of the client in this channel."""
        info = self.client.info
        if self.info:
            info.chan_info = Raw(self.info)
        return info

    # --- hub.fanout.local_channel.Subscriber -------------------------------------------------------------------------

    @property
    def raw(self) -> RawWrite | None:
        """The function by which the relay writes bytes directly; None if it must call :meth:`write`."""
        return self.client.transport.raw

    def write(self, block: FrameBatch) -> None:
        """Write frames from the relay."""
        self.client.transport.write(block)

    def restart(self) -> None:
        """Publications were missed: the client must subscribe again with its position."""
        self.client.out_of_sync(self)

    # --- life cycle ----------------------------------------------------------------------------------------------

    def go_live(self) -> None:
        """The client has been told: write the held publications, then new ones as they come."""
        self.is_live = True
        self.wanted = _ANSWERED
        if self.local is not None:
            self.local.release()
        self.expire_at(self.expires)

    def expire_at(self, moment: float | None) -> None:
        """End the subscription at ``moment`` (Unix time), unless a later call moves it; None for never.

        A client gets :data:`GRACE` seconds more to refresh its token. Server-side subscriptions are never refreshed.
        """
        self.expires = moment
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moment is not None:
            delay = max(0.0, moment - time.time()) + (0.0 if self.server_side else GRACE)
            self._timer = asyncio.get_running_loop().call_later(delay, self.client.expired, self)

    def cut(self) -> None:
        """Stop all writing at once. May be repeated."""
        if self._timer is not None:
            self._timer.cancel()
        if self.local is not None:
            relay.current().unsubscribe(self.local)

    async def leave(self) -> None:
        """Remove its record from presence."""
        if self.is_there:
            self.is_there = False
            await connection_presence.leave(self, restarting=self.client.restarting)


async def establish(subscriptions: Sequence[ClientSubscription]) -> list[SubscribeResult]:
    """Subscribe to the channels and recover what was missed. Publications are held until
    :meth:`ClientSubscription.go_live`.

    All or none: if this raises, no subscription is left.

    Raises:
        Failed: not everything can be recovered, and the client accepts nothing less.
        django.db.Error: the position of a channel cannot be read.
    """
    try:
        await _subscribe(subscriptions)
        return [await _result_of(subscription) for subscription in subscriptions]
    except BaseException:
        for subscription in subscriptions:
            subscription.cut()
        raise


async def _subscribe(subscriptions: Sequence[ClientSubscription]) -> None:
    wanted = [(one.channel, encoder.encoder_for(join_leave=one.wants_join_leave)) for one in subscriptions]
    local_subscriptions = await relay.current().subscribe_many(wanted, subscriptions[0])
    for subscription, local in zip(subscriptions, local_subscriptions, strict=True):
        local.subscriber = subscription
        subscription.local = local


async def _result_of(subscription: ClientSubscription) -> SubscribeResult:
    namespace, wanted, local = subscription.namespace, subscription.wanted, subscription.local
    result = SubscribeResult() if wanted.since is None else await _recover(subscription, wanted.since)
    if namespace.durable and local is not None:
        result.epoch = local.start.epoch
        result.recoverable = namespace.force_recovery or wanted.recoverable
        result.positioned = result.recoverable or wanted.positioned
        if not result.recovered:
            result.offset = local.start.offset
    if subscription.expires is not None and not subscription.server_side:
        result.expires, result.ttl = True, max(1, int(subscription.expires - time.time()))
    if namespace.presence and (namespace.counts_guests or subscription.client.user.pk is not None):
        # Set before the first await: if this is cancelled, the record is removed.
        subscription.is_there = True
        result.data = await connection_presence.enter(subscription)
    if wanted.data:
        result.data = Raw(wanted.data)
    return result


async def _recover(subscription: ClientSubscription, since: Position) -> SubscribeResult:
    items: list[Envelope] | None = None
    if subscription.namespace.durable and subscription.local is not None:
        # Clients of the protocol leave out the epoch to mean the current history.
        since = Position(since.epoch or subscription.local.start.epoch, since.offset)
        items = await recovery.missed(subscription.local, since)
        if items is not None and since.offset > subscription.local.start.offset:
            await _wait_until_as_far(subscription, since)
            # More may have been published meanwhile.
            items = await recovery.missed(subscription.local, since)
        if items is not None and sum(item.size for item in items) > hub_settings().recovery_bytes:
            items = None
    if items is None:
        if subscription.wanted.whole:
            raise Failed(Error.UNRECOVERABLE_POSITION)
        return SubscribeResult(was_recovering=True)
    # The position from which it recovers: each recovered publication moves it.
    return SubscribeResult(
        was_recovering=True, recovered=True, offset=since.offset, publications=encoder.publications_of(items)
    )


async def _wait_until_as_far(subscription: ClientSubscription, since: Position) -> None:
    """The client is ahead of this process: wait until this process has caught up, so that nothing is sent twice."""
    held = subscription.local
    if held is None:
        return
    deadline = time.monotonic() + CATCH_UP
    while held.start.offset < since.offset and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        if held.local_channel.last >= since.offset:
            followed = await relay.current().subscribe(subscription.channel, subscription, held.encoder)
            relay.current().unsubscribe(held)
            subscription.local = held = followed
