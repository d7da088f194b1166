"""The subscription of one client to one channel: establish, recover, end."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from hub.access.reasons import Error, Failed, Unsubscribed
from hub.channels import find
from hub.config import hub_settings
from hub.endpoints.centrifuge import encoder
from hub.endpoints.centrifuge.messages import SubscribeResult
from hub.fanout import recovery
from hub.session import connection_presence
from hub.session.client_info import ClientInfo
from hub.session.subscriptions import SessionSubscription
from hub.streams import Position
from hub.users import user_id

if TYPE_CHECKING:
    from hub.endpoints.centrifuge.subscribed import SubscribedClient

#: Seconds that a client has to refresh an expired token before its subscription or connection ends.
GRACE = 25.0


@dataclass(frozen=True, slots=True)
class SubscriptionOptions:
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
_ANSWERED = SubscriptionOptions()


class ClientSubscription(SessionSubscription):
    """A subscription of a client connection.

    Raises:
        UnknownChannel: clients have no channel of that name.
    """

    __slots__ = ("_timer", "arguments", "by_token", "chan_info", "ending", "expires", "server_side", "wanted")

    subscriber: "SubscribedClient"

    def __init__(self, client: "SubscribedClient", channel: str, wanted: SubscriptionOptions) -> None:
        namespace, self.arguments = find(channel)
        join_leave = namespace.join_leave and (wanted.join_leave or namespace.force_push_join_leave)
        super().__init__(client, channel, client.format.encoder_for(join_leave=join_leave), namespace)
        self.wanted = wanted
        self.server_side = wanted.server_side
        self.by_token = wanted.by_token
        self.expires = wanted.expires
        #: JSON that others see of the client in this channel; empty for none.
        self.chan_info = wanted.info
        #: Why it ends as soon as the client has been told of it; None if it stays.
        self.ending: Unsubscribed | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def info(self) -> ClientInfo:
        """What others see of the client in this channel."""
        info = self.subscriber.info
        if self.chan_info:
            info.chan_info = Raw(self.chan_info)
        return info

    @property
    def record(self) -> str:
        """As :class:`SessionSubscription`: each client connection has a record of its own."""
        client = self.subscriber
        return connection_presence.record_of(client.client, user_id(client.user), client.given_info, self.chan_info)

    def restart(self) -> None:
        """Publications were missed: the client must subscribe again with its position."""
        self.subscriber.out_of_sync(self)

    def go_live(self) -> None:
        """As :class:`SessionSubscription`; from now on it may expire."""
        super().go_live()
        self.wanted = _ANSWERED
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
            self._timer = asyncio.get_running_loop().call_later(delay, self.subscriber.expired, self)

    def cut(self) -> None:
        """As :class:`SessionSubscription`."""
        if self._timer is not None:
            self._timer.cancel()
        super().cut()


async def establish(subscriptions: Sequence[ClientSubscription]) -> list[SubscribeResult]:
    """Subscribe one client to channels, and recover what was missed. Publications are held until each goes live.

    If this raises, the caller must remove them.

    Raises:
        Failed: not everything can be recovered, and the client accepts nothing less.
        django.db.Error: the position of a channel cannot be read.
    """
    await subscriptions[0].subscriber.open(subscriptions)
    results, left = [], hub_settings().recovery_bytes
    for subscription in subscriptions:
        result = await _result_of(subscription, left)
        left = max(0, left - sum(map(len, result.publications)))
        results.append(result)
    return results


async def _result_of(subscription: ClientSubscription, limit: int) -> SubscribeResult:
    namespace, wanted = subscription.namespace, subscription.wanted
    result = SubscribeResult() if wanted.since is None else await _recover(subscription, wanted.since, limit)
    if namespace.durable:
        result.epoch = subscription.start.epoch
        result.recoverable = namespace.force_recovery or wanted.recoverable
        result.positioned = result.recoverable or wanted.positioned
        if not result.recovered:
            result.offset = subscription.start.offset
    if subscription.expires is not None and not subscription.server_side:
        result.expires, result.ttl = True, max(1, int(subscription.expires - time.time()))
    data = await subscription.enter() if namespace.presence else None
    if wanted.data:
        result.data = Raw(wanted.data)
    elif data is not None:
        result.data = Raw(msgspec.json.encode(data))
    return result


async def _recover(subscription: ClientSubscription, since: Position, limit: int) -> SubscribeResult:
    missed = None
    if subscription.namespace.durable:
        # Clients of the protocol leave out the epoch to mean the current history.
        since = Position(since.epoch or subscription.start.epoch, since.offset)
        positions = {subscription.channel: since}
        missed = await recovery.recover([subscription], positions, limit)
    if missed is None:
        if subscription.wanted.whole:
            raise Failed(Error.UNRECOVERABLE_POSITION)
        return SubscribeResult(was_recovering=True)
    # The position from which it recovers: each recovered publication moves it.
    return SubscribeResult(
        was_recovering=True,
        recovered=True,
        offset=since.offset,
        publications=encoder.publications_of([item for _, item in missed]),
    )
