"""One connected client, whatever it speaks: who it is, its subscriptions, its limits, and its end.

An endpoint extends :class:`Session` and translates: its codec says what a frame means, its transport how bytes get to
the client.
"""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from django.contrib.auth.models import AnonymousUser

from hub.access import registry
from hub.access.control import ControlMessage, DisconnectUser
from hub.access.reasons import End, comes_back
from hub.fanout import relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import RawWrite
from hub.limits.connections import Decision, RateLimiter
from hub.session.client_info import ClientInfo
from hub.session.rule_revalidation import RuleRevalidation
from hub.session.subscriptions import SessionSubscription, leave_all
from hub.users import Visitor, written_key

S = TypeVar("S", bound=SessionSubscription)


class Session:
    """One connected client.

    It is what the hub holds of the client everywhere: in the registry (:class:`hub.access.registry.OpenSocket`) and as
    the subscriber of its channels (:class:`hub.fanout.local_channel.Subscriber`). It ends once: :meth:`cut` stops all
    writing at once, :meth:`leave` removes it from presence.

    Args:
        guest_of: the address that its limits count, if it is a guest.
    """

    __slots__ = (
        "_rate_limiter",
        "_rules",
        "credential",
        "guest_of",
        "has_ended",
        "language",
        "restarting",
        "subscriptions",
        "user",
    )

    #: The label of its endpoint, in metrics and elsewhere.
    name: ClassVar[str] = ""

    #: The id of this connection, where the client and others may know it.
    client = ""

    #: Whether being subscribed to a channel with presence is being there.
    takes_part: ClassVar[bool] = True

    def __init__(self, user: Visitor | None, credential: str, language: str, guest_of: str | None) -> None:
        self.user: Visitor = user or AnonymousUser()
        self.credential = credential
        self.language = language
        self.guest_of = guest_of
        self.subscriptions: dict[str, SessionSubscription] = {}
        #: Whether this server stops, so that the client is about to come back.
        self.restarting = False
        #: Whether nothing more is written to the client.
        self.has_ended = False
        self._rate_limiter: RateLimiter | None = None
        self._rules: RuleRevalidation | None = None

    @property
    def info(self) -> ClientInfo:
        """What others see of this client."""
        raise NotImplementedError

    def end(self, reason: End) -> None:
        """Close the connection and tell the client why. Only the first call counts."""
        raise NotImplementedError

    # --- subscriptions --------------------------------------------------------------------------------------------

    async def open(self, subscriptions: Sequence[S]) -> None:
        """Subscribe to the channels; the caller has checked permissions. All or none.

        Publications are held until each goes live. One that has been dropped meanwhile is cut.

        Raises ``django.db.Error``: the position of a channel cannot be read.
        """
        for subscription in subscriptions:
            self.subscriptions[subscription.channel] = subscription
        try:
            await relay.current().attach(subscriptions)
        except BaseException:
            for subscription in subscriptions:
                self.drop(subscription)
            raise
        for subscription in subscriptions:
            if self.has_ended or self.subscriptions.get(subscription.channel) is not subscription:
                subscription.cut()

    def drop(self, subscription: SessionSubscription) -> None:
        """Stop writing the publications of a subscription; the caller must await its ``leave``."""
        subscription.cut()
        if self.subscriptions.get(subscription.channel) is subscription:
            del self.subscriptions[subscription.channel]

    def cut(self) -> None:
        """Stop all writing at once, even in this turn of the loop. May be repeated."""
        if self.has_ended:
            return  # what is opened from now on is cut by `open`
        self.has_ended = True
        registry.current().remove(self)
        for subscription in self.subscriptions.values():
            subscription.cut()

    async def leave(self) -> None:
        """Remove the client from registry, channels and presence, even while it is connected. May be repeated."""
        self.cut()
        # Again: what connects awaits the database, and may have gone on after the end.
        registry.current().remove(self)
        subscriptions = list(self.subscriptions.values())
        self.subscriptions.clear()
        for subscription in subscriptions:
            subscription.cut()
        await leave_all(subscriptions)

    # --- limits ---------------------------------------------------------------------------------------------------

    @property
    def counted_as(self) -> object:
        """With whom its limits are counted: its user, or the guests of its address; this one alone if that is unknown.

        No key of a user is equal to an address.
        """
        if (key := written_key(self.user)) is not None:
            return key
        return self if self.guest_of is None else ("guest", self.guest_of)

    def check_rate(self) -> Decision:
        """The client has sent something: what to do with it."""
        if self._rate_limiter is None:
            self._rate_limiter = RateLimiter(written_key(self.user), self.guest_of)
        return self._rate_limiter.check()

    @property
    def wait(self) -> int:
        """Seconds after which the client may send again, once :meth:`check_rate` has refused something."""
        return self._rate_limiter.wait if self._rate_limiter is not None else 0

    # --- hub.access.registry.OpenSocket ---------------------------------------------------------------------------

    def receives(self, channel: str) -> bool:
        """Whether the client is subscribed to ``channel``."""
        return channel in self.subscriptions

    def stop(self) -> None:
        """This server stops: the client reconnects, here or elsewhere, and presence keeps its user."""
        self.restarting = True
        self.end(End.SERVER_STOPS)

    def handle(self, message: ControlMessage) -> None:
        """Handle a control message. Where the client chooses no channels, only a disconnect is for it."""
        if isinstance(message, DisconnectUser):
            self.end(End.RECONNECT if comes_back(message.code) else End.DISCONNECTED)

    async def revalidate(self, user: Visitor | None) -> None:
        """Check permissions again for ``user``; None means that the session or token is no longer valid."""
        if user is None:
            self.end(End.SIGNED_OUT)
            return
        self.user = user
        await self.check_permissions(user)

    @property
    def rules(self) -> RuleRevalidation:
        """Asks the rules of its subscriptions again."""
        if self._rules is None:
            self._rules = RuleRevalidation(self)
        return self._rules

    async def check_permissions(self, user: Visitor) -> None:
        """End the subscriptions that ``user`` may not have any more, and begin those that are theirs now."""
        raise NotImplementedError

    # --- hub.fanout.local_channel.Subscriber ----------------------------------------------------------------------

    @property
    def raw(self) -> RawWrite | None:
        """The function by which the relay writes bytes directly; None if it must call :meth:`write`."""
        return None

    def write(self, batch: FrameBatch) -> None:
        """Write frames from the relay."""
        raise NotImplementedError

    def restart(self) -> None:
        """The history of a channel has been replaced: the client reconnects and is told to reload."""
        self.end(End.NEW_HISTORY)
