"""The subscriptions of one client connection, made and ended by its commands, by memberships and by backends."""

import asyncio
import secrets
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from msgspec import Raw

from hub.access.authentication import Authenticated
from hub.access.control import ControlMessage, SubscribeUser, UnsubscribeUser
from hub.access.reasons import End, Failed, Unsubscribed
from hub.channels import UnknownChannel
from hub.endpoints.centrifuge import encoder, formats
from hub.endpoints.centrifuge.formats import Format
from hub.endpoints.centrifuge.messages import Push, SubscribeResult, unsubscribed
from hub.endpoints.centrifuge.subscriptions import ClientSubscription, SubscriptionOptions, establish
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import RawWrite
from hub.limits.connections import address_of_guest
from hub.logs import get_logger
from hub.ops import metrics
from hub.session import connection_presence, server_side
from hub.session.client_info import ClientInfo
from hub.session.session import Session
from hub.session.subscriptions import SessionSubscription, SubscriptionState, leave_all
from hub.streams import Position
from hub.transports.transport import Transport
from hub.users import Visitor, display_name, user_id

log = get_logger(__name__)

_SERVER_SIDE = SubscriptionOptions(recoverable=True, join_leave=True, server_side=True)


class SubscribedClient(Session):
    """A client connection as the subscriber of its channels.

    Its subscriptions change under its lock, one change after the other; what changes them without a command runs in
    the background (:meth:`spawn`).

    Args:
        who: as the handshake says.
    """

    __slots__ = (
        "_established",
        "_lock",
        "_opted_out",
        "_tasks",
        "claimed_channels",
        "client",
        "given_info",
        "transport",
    )

    #: How its messages are read and written.
    format: ClassVar[Format] = formats.JSON

    subscriptions: dict[str, ClientSubscription]  # type: ignore[assignment]  # all of its own kind

    def __init__(self, transport: Transport, who: Authenticated) -> None:
        is_guest = who.user is not None and who.user.pk is None
        super().__init__(who.user, who.credential, who.language, address_of_guest(who.address) if is_guest else None)
        self.transport = transport
        #: The id of this connection; others may know it.
        self.client = secrets.token_hex(12)
        #: What others see of this connection, from its token: JSON, empty for none.
        self.given_info = b""
        #: Channels of server-side subscriptions, from its token.
        self.claimed_channels: tuple[str, ...] = ()
        #: Opted out: server-side channels that the client, or a backend for it, has left.
        self._opted_out: set[str] | None = None
        #: Pending subscriptions: they go live after the reply that tells the client.
        self._established: list[ClientSubscription] = []
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def info(self) -> ClientInfo:
        """What others see of this client."""
        info = ClientInfo(client=self.client, user=user_id(self.user))
        if self.given_info:
            info.conn_info = Raw(self.given_info)
        elif self.user.pk is not None:
            info.conn_info = connection_presence.conn_info(display_name(self.user))
        return info

    async def leave(self) -> None:
        """As :meth:`Session.leave`. A command that is under way finishes before."""
        self.cut()
        if self._tasks:
            # Not cancelled: a task that is half-way out of a channel would leave a record in presence.
            await asyncio.wait(self._tasks)
        # Commands may come by separate requests: a join that is under way must finish before the client leaves.
        async with self._lock:
            await super().leave()

    @property
    def raw(self) -> RawWrite | None:
        """As :class:`Session`."""
        return self.transport.raw

    def write(self, batch: FrameBatch) -> None:
        """As :class:`Session`."""
        self.transport.write(batch)

    async def add(self, wanted: Mapping[str, SubscriptionOptions]) -> list[SubscribeResult]:
        """Subscribe to channels; the caller has checked permissions. They go live after the reply to the client.

        All or none. Raises as :func:`hub.endpoints.centrifuge.subscriptions.establish`, and ``UnknownChannel``.
        """
        new = [ClientSubscription(self, channel, how) for channel, how in wanted.items()]
        try:
            results = await establish(new)
        except BaseException:
            for subscription in new:
                await self.remove(subscription)
            raise
        self._established += new
        if self._opted_out is not None:
            self._opted_out = self._opted_out - wanted.keys() or None
        return results

    async def go_live(self) -> None:
        """Let the new subscriptions go live: the client has been told of them."""
        established, self._established = self._established, []
        ended = []
        for subscription in established:
            if self.has_ended:
                break
            if subscription.ending is None:
                subscription.go_live()
            else:
                # Its publications are held, so nothing was written.
                subscription.state = SubscriptionState.LIVE
                if self._end_subscription(subscription, subscription.ending):
                    ended.append(subscription)
        await leave_all(ended)

    async def remove(self, subscription: ClientSubscription) -> None:
        """Unsubscribe without telling the client."""
        self.drop(subscription)
        await subscription.leave()

    def drop(self, subscription: SessionSubscription) -> None:
        """As :meth:`Session.drop`."""
        super().drop(subscription)
        if subscription in self._established:
            self._established.remove(subscription)

    async def unsubscribe(self, subscription: ClientSubscription, why: Unsubscribed) -> None:
        """Unsubscribe and tell the client, unless the subscription has ended meanwhile.

        A pending subscription ends after its reply: clients ignore an unsubscribe push that comes earlier.
        """
        if self._end_subscription(subscription, why):
            await subscription.leave()

    def _end_subscription(self, subscription: ClientSubscription, why: Unsubscribed) -> bool:
        """:meth:`unsubscribe` without presence: if this returns True, the caller must call ``leave``."""
        if self.subscriptions.get(subscription.channel) is not subscription or self.has_ended:
            return False
        if subscription.state is not SubscriptionState.LIVE:
            subscription.ending = why
            return False
        self.drop(subscription)
        self.tell(unsubscribed(subscription.channel, why))
        return True

    def opt_out(self, channel: str) -> None:
        """Do not subscribe the client to ``channel`` on the server side again: it left on purpose."""
        self._opted_out = {*(self._opted_out or ()), channel}

    def tell(self, push: Push) -> None:
        """Write a push to this client alone."""
        if not self.has_ended:
            self.transport.write(FrameBatch([self.format.message(push)]))

    def out_of_sync(self, subscription: ClientSubscription) -> None:
        """A subscription has lost its place in the history: the client subscribes again with its position."""
        if subscription.server_side or subscription.state is not SubscriptionState.LIVE:
            # Clients recover these by reconnecting.
            self.end(End.NEW_HISTORY)
        else:
            subscription.cut()
            self.spawn(self.unsubscribe(subscription, Unsubscribed.INSUFFICIENT_STATE))

    def expired(self, subscription: ClientSubscription) -> None:
        """The token of a subscription was not refreshed in time: unsubscribe."""
        self.spawn(self.unsubscribe(subscription, Unsubscribed.EXPIRED))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` in the background; if it fails, the client must reconnect."""
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            # The state is unknown: only a new connection makes it known.
            metrics.FAILURES.labels("client_failed").inc()
            log.exception("client_failed", client=self.client)
            self.end(End.SERVER_ERROR)

    # --- hub.access.registry.OpenSocket ---------------------------------------------------------------------------

    def handle(self, message: ControlMessage) -> None:
        """Handle a control message about the subscriptions of this client."""
        match message:
            case SubscribeUser():
                self.spawn(self._handle_subscribe(message))
            case UnsubscribeUser():
                self.spawn(self._handle_unsubscribe(message.channel))
            case _:
                pass

    async def _handle_subscribe(self, message: SubscribeUser) -> None:
        async with self._lock:
            if message.channel in self.subscriptions or self.has_ended:
                return
            how = replace(
                _SERVER_SIDE,
                since=Position(message.epoch, message.offset) if message.offset or message.epoch else None,
                by_token=True,
                expires=message.expire_at or None,
                data=message.data.encode(),
                info=message.info.encode(),
            )
            try:
                await self._subscribe_and_tell([message.channel], how)
            except (UnknownChannel, Failed):
                log.warning("server_subscribe_failed", channel=message.channel)

    async def _subscribe_and_tell(self, channels: list[str], how: SubscriptionOptions) -> None:
        results = await self.add(dict.fromkeys(channels, how))
        for channel, result in zip(channels, results, strict=True):
            # Clients take the position from this push, and publications only as pushes of their own.
            missed, result.publications = result.publications, []
            self.tell(Push(channel=channel, subscribe=result))
            if missed and not self.has_ended:
                texts = [encoder.push_of(channel, bytes(one).decode()) for one in missed]
                self.transport.write(FrameBatch([self.format.frame_of(text) for text in texts]))
        await self.go_live()

    async def _handle_unsubscribe(self, channel: str) -> None:
        async with self._lock:
            for subscription in list(self.subscriptions.values()):
                if channel in ("", subscription.channel):
                    self.opt_out(subscription.channel)
                    await self.unsubscribe(subscription, Unsubscribed.SERVER)

    async def check_permissions(self, user: Visitor) -> None:
        """As :meth:`Session.check_permissions`.

        If a rule fails, or does not answer in time, its subscription stays, and this raises at last.
        """
        own = [one for one in self.subscriptions.values() if not one.by_token and not self._is_about_its_user(one)]
        allowed, failure = await self.rules.ask(user, {one: one.arguments for one in own})
        # Read last, and nothing is awaited until subscriptions have ended: the user may gain channels meanwhile.
        server_side_channels = set(await server_side.channels_of(user))
        ended = []
        for one in list(self.subscriptions.values()):
            if one.by_token:
                continue
            if one.channel in server_side_channels or allowed.get(one):
                one.ending = None
            # A server-side subscription ends with the membership behind it, even if the client may subscribe itself.
            elif (one in allowed or self._is_about_its_user(one)) and self._end_subscription(one, Unsubscribed.SERVER):
                ended.append(one)
        if self._opted_out is not None:
            # A user who follows the topic again wants its channel again.
            self._opted_out = self._opted_out & server_side_channels or None
        if server_side_channels - self.subscriptions.keys() - (self._opted_out or set()):
            self.spawn(self._subscribe_to_new())
        await leave_all(ended)
        if failure is not None:
            raise failure

    def _is_about_its_user(self, subscription: ClientSubscription) -> bool:
        return subscription.server_side and subscription.channel not in self.claimed_channels

    async def _subscribe_to_new(self) -> None:
        async with self._lock:
            if self.has_ended:
                return
            # Asked again: waiting for the lock may take as long as a command does.
            known = self.subscriptions.keys() | (self._opted_out or set())
            new = [one for one in await server_side.channels_of(self.user) if one not in known]
            if new:
                await self._subscribe_and_tell(new, _SERVER_SIDE)
