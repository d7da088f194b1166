"""One subscription of one client, whatever it speaks: where it stands, and its place in presence."""

from collections.abc import Iterable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from hub.channels import Namespace, namespace_of
from hub.fanout import local_channel, relay
from hub.fanout.local_channel import Encoder
from hub.logs import get_logger
from hub.ops import metrics
from hub.session import connection_presence
from hub.session.client_info import ClientInfo

if TYPE_CHECKING:
    from hub.session.session import Session

log = get_logger(__name__)


class SubscriptionState(Enum):
    """Where a subscription stands; it only moves on, and from each to ``ENDED``."""

    #: It is being established, and presence has no record of it.
    OPENING = auto()
    #: Presence has a record of it. The client has not been told, and its publications are held.
    PENDING = auto()
    LIVE = auto()
    ENDED = auto()


class SessionSubscription(local_channel.Subscription):
    """The subscription of a session to a channel.

    Raises:
        UnknownChannel: no such namespace.
    """

    __slots__ = ("namespace", "state")

    subscriber: "Session"

    def __init__(self, session: "Session", channel: str, encoder: Encoder, namespace: Namespace | None = None) -> None:
        super().__init__(channel, session, encoder)
        self.namespace = namespace or namespace_of(channel)
        self.state = SubscriptionState.OPENING

    @property
    def is_live(self) -> bool:
        """Whether it gets publications as they come."""
        return self.state is SubscriptionState.LIVE

    @property
    def counts(self) -> bool:
        """Whether presence has a record of it from :meth:`enter` on."""
        session = self.subscriber
        return (
            self.namespace.presence
            and session.takes_part
            and (self.namespace.counts_guests or session.user.pk is not None)
        )

    @property
    def info(self) -> ClientInfo:
        """What others see of the client in this channel."""
        return self.subscriber.info

    @property
    def record(self) -> str:
        """The record of this connection in presence; empty where presence keeps the user only."""
        return ""

    async def enter(self) -> Any:
        """It is established: add the client to presence, if it :attr:`counts`. Returns data of the app for the client.

        May be left out where the namespace has no presence: most have none, and this costs each client a call.
        """
        if not self.counts:
            return None
        if self.state is not SubscriptionState.OPENING:
            return None
        # Before the first await: if this is cancelled, `leave` removes the record.
        self.state = SubscriptionState.PENDING
        return await connection_presence.enter(self)

    def go_live(self) -> None:
        """The client has been told: write the held publications, then new ones as they come. Nothing once it ended."""
        if self.state is not SubscriptionState.ENDED:
            self.state = SubscriptionState.LIVE
            self.release()

    def cut(self) -> None:
        """Stop all writing at once. May be repeated."""
        relay.current().unsubscribe(self)

    async def leave(self) -> None:
        """End it for good: remove the client from presence. May be repeated."""
        state, self.state = self.state, SubscriptionState.ENDED
        if state in {SubscriptionState.PENDING, SubscriptionState.LIVE} and self.counts:
            await connection_presence.leave(self, restarting=self.subscriber.restarting)


async def leave_all(subscriptions: Iterable[SessionSubscription]) -> None:
    """End all of them for good, even if one fails."""
    for subscription in subscriptions:
        if not subscription.namespace.presence:
            subscription.state = SubscriptionState.ENDED
            continue
        try:
            await subscription.leave()
        except Exception:
            metrics.FAILURES.labels("client_not_left").inc()
            log.exception("client_not_left", channel=subscription.channel)
