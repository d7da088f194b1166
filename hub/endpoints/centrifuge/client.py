"""The session of one client connection: its commands, replies and subscriptions. Independent of the transport."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from msgspec import Raw

from hub.access import authentication, revalidation
from hub.access.authentication import Authenticated
from hub.access.control import ControlMessage, DisconnectUser, RefreshUser, SubscribeUser, UnsubscribeUser
from hub.access.reasons import End, Ended, Error, Failed, Unsubscribed
from hub.access.signed_tokens import TokenExpired
from hub.channels import UnknownChannel, allows
from hub.concurrency import node
from hub.config import hub_settings
from hub.endpoints.centrifuge import commands, encoder, formats, keepalive, rates, refusals, sessions
from hub.endpoints.centrifuge.formats import Format
from hub.endpoints.centrifuge.messages import (
    Command,
    Connect,
    ConnectResult,
    Malformed,
    Push,
    Reply,
    Request,
    Send,
    SubscribeResult,
    unsubscribed,
)
from hub.endpoints.centrifuge.subscriptions import GRACE, ClientSubscription, Wanted, establish
from hub.fanout.frames import Frame, FrameBatch
from hub.fanout.local_channel import RawWrite
from hub.limits.connections import Bucket, Counted, TooManyConnections, address_of_guest
from hub.logs import get_logger
from hub.ops import metrics
from hub.session import connection_presence, server_side
from hub.session.client_info import ClientInfo
from hub.session.session import Session
from hub.session.subscriptions import SessionSubscription, State, leave_all
from hub.streams import Position
from hub.transports.transport import Transport
from hub.users import Visitor, display_name, user_id

log = get_logger(__name__)

#: Close codes that a backend may use.
CLOSE_CODES = range(3000, 5000)

#: Seconds that a client has for its first command. A late client may reconnect: the hub may be the slow one.
FIRST_COMMAND = 10.0


#: In place of what the handshake says, once a client has connected.
_KNOWN = Authenticated(None)

_SERVER_SIDE = Wanted(recoverable=True, join_leave=True, server_side=True)


class Client(Session):
    """The session of one client connection, over any transport.

    The transport passes each frame to :meth:`receive`, and awaits :meth:`leave` when it is over.

    Args:
        who: as the handshake says; the first command may say otherwise.
        counted: the count of this connection.
    """

    __slots__ = (
        "_connected",
        "_counted",
        "_established",
        "_lock",
        "_opted_out",
        "_replies",
        "_tasks",
        "_timer",
        "_who",
        "address",
        "claimed_channels",
        "client",
        "expires",
        "free",
        "given_info",
        "opened",
        "ponged",
        "transport",
    )

    name = "hub"

    #: How its messages are read and written.
    format: ClassVar[Format] = formats.JSON

    subscriptions: dict[str, ClientSubscription]  # type: ignore[assignment]  # all of its own kind

    def __init__(self, transport: Transport, who: Authenticated, counted: Counted) -> None:
        is_guest = who.user is not None and who.user.pk is None
        super().__init__(who.user, who.credential, who.language, address_of_guest(who.address) if is_guest else None)
        self.transport = transport
        #: The id of this connection; others may know it.
        self.client = secrets.token_hex(12)
        self.address = who.address
        #: What others see of this connection, from its token: JSON, empty for none.
        self.given_info = b""
        #: Channels of server-side subscriptions, from its token.
        self.claimed_channels: tuple[str, ...] = ()
        #: When the token of this connection ends, in seconds since 1970; None where it does not.
        self.expires: float | None = None
        #: Whether the last ping was answered.
        self.ponged = True
        self._who = who
        self._counted = counted
        self._connected = False
        #: Opted out: server-side channels that the client, or a backend for it, has left.
        self._opted_out: set[str] | None = None
        #: What :mod:`hub.endpoints.centrifuge.rates` counts: cheap commands, and those that connect and subscribe.
        self.free: Bucket | None = None
        self.opened = 0
        self._replies: list[Frame] = []
        #: Pending subscriptions: they go live after the reply that tells the client.
        self._established: list[ClientSubscription] = []
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = loop.call_later(FIRST_COMMAND, self.end, End.NO_PONG)

    @property
    def info(self) -> ClientInfo:
        """What others see of this client."""
        info = ClientInfo(client=self.client, user=user_id(self.user))
        if self.given_info:
            info.conn_info = Raw(self.given_info)
        elif self.user.pk is not None:
            info.conn_info = connection_presence.conn_info(display_name(self.user))
        return info

    # --- the transport's side --------------------------------------------------------------------------------------

    async def receive(self, frame: str | bytes) -> None:
        """Carry out the commands of a frame in order, and answer them in one frame."""
        async with self._lock:
            if self._is_over():
                return
            reason: End | None = None
            try:
                for command in self._commands_in(frame):
                    await self._carry_out(command)
                    if self._is_over():
                        return
            except Malformed:
                reason = End.BAD_REQUEST
            except Ended as ended:
                reason = ended.reason
            await self._answer()
            if reason is not None:
                self.end(reason)

    async def leave(self) -> None:
        """As :meth:`Session.leave`. A command that is under way finishes before."""
        self.cut()
        if self._tasks:
            # Not cancelled: a task that is half-way out of a channel would leave a record in presence.
            await asyncio.wait(self._tasks)
        # Commands may come by separate requests: a join that is under way must finish before the client leaves.
        async with self._lock:
            await super().leave()

    def _is_over(self) -> bool:
        return self.has_ended

    def cut(self) -> None:
        """As :meth:`Session.cut`."""
        super().cut()
        self._set_timer(None)
        keepalive.current().remove(self)
        sessions.close(self)

    def end(self, reason: End) -> None:
        """Close the connection; ``reason`` tells the client whether to reconnect."""
        self.close(*reason.on_client)

    def close(self, code: int, reason: str) -> None:
        """Close the connection with any code."""
        if not self.has_ended:
            self.transport.close(code, reason)
            self.cut()

    def ping(self) -> None:
        """Send a ping, which the client must answer."""
        # A client that waits for a reply cannot answer the ping.
        self.ponged = self._lock.locked()
        self.transport.write(self.format.ping)

    @property
    def raw(self) -> RawWrite | None:
        """As :class:`Session`."""
        return self.transport.raw

    def write(self, batch: FrameBatch) -> None:
        """As :class:`Session`."""
        self.transport.write(batch)

    # --- commands --------------------------------------------------------------------------------------------------

    def _commands_in(self, frame: str | bytes) -> list[Command]:
        if len(frame) > hub_settings().max_frame:
            raise Ended(End.TOO_BIG)
        return self.format.commands_in(frame)

    def _framed(self, said: Reply | Push) -> Frame:
        return self.format.message(said)

    async def _carry_out(self, command: Command) -> None:
        found = command.requests()
        if not found and not command.id:
            rates.check_free(self)  # a pong, or what looks like one
            self.ponged = True
            return
        if len(found) != 1 or isinstance(found[0], Connect) is self._connected:
            raise Ended(End.BAD_REQUEST)
        request = found[0]
        if not command.id and not isinstance(request, Send):
            raise Ended(End.BAD_REQUEST)
        try:
            result = await self._result_of(request)
        except Ended:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the client is answered
            refused = refusals.refusal_of(error, request)
            metrics.CLIENT_ERRORS.labels(refused.word).inc()
            if isinstance(request, Send):
                # Clients take an answer to it for a ping.
                log.debug("send_dropped", client=self.client, reason=refused.word)
            else:
                self._replies.append(self._framed(Reply(id=command.id, error=refusals.told(refused, self.language))))
        else:
            if result is not None:
                self._replies.append(self._framed(Reply(id=command.id, **{commands.KEYS[type(request)]: result})))

    async def _result_of(self, request: Request) -> Any:
        rates.check(self, request)
        if isinstance(request, Connect):
            return await self._connect(request)
        handler: Callable[[Client, Any], Awaitable[Any]] = commands.HANDLERS[type(request)]
        return await handler(self, request)

    async def _answer(self) -> None:
        """Write the replies to one frame, then let the new subscriptions go live."""
        replies, self._replies = self._replies, []
        established, self._established = self._established, []
        if replies and not self.has_ended:
            await self.transport.answer(self.format.join(replies))
        ended = []
        for subscription in established:
            if self.has_ended:
                break
            if subscription.ending is None:
                subscription.go_live()
            else:
                # Its publications are held, so nothing was written.
                subscription.state = State.LIVE
                if self._end_subscription(subscription, subscription.ending):
                    ended.append(subscription)
        await leave_all(ended)

    # --- connecting ------------------------------------------------------------------------------------------------

    async def _connect(self, request: Connect) -> ConnectResult:
        expires = await self._identify(request)
        channels = dict.fromkeys([*await server_side.channels_of(self.user), *self.claimed_channels])
        subs = await self._subscribe_server_side(channels, request)
        self._connected = True
        self._who, self._rate_limiter = _KNOWN, None
        self.expire_at(expires)
        revalidation.current().register(self)
        keepalive.current().add(self)
        result = ConnectResult(
            client=self.client,
            version=commands.VERSION,
            subs=subs,
            ping=keepalive.INTERVAL,
            pong=True,
        )
        if expires is not None:
            result.expires, result.ttl = True, max(1, int(expires - time.time()))
        if self.transport.emulated:
            result.session, result.node = sessions.open_for(self), node.current().id
        return result

    async def _identify(self, request: Connect) -> float | None:
        """Find out who connects; returns the Unix time at which the token ends, None for never."""
        try:
            who = await authentication.by_token(request.token, self._who)
        except TokenExpired:
            raise Failed(Error.TOKEN_EXPIRED) from None
        if who.user is None or not commands.expects(request.data, who.user):
            raise Ended(End.BAD_TOKEN)
        try:
            self._counted.move_to(who.user.pk)
        except TooManyConnections:
            raise Ended(End.TOO_MANY) from None
        self.user, self.credential = who.user, who.credential
        self.given_info, self.claimed_channels = who.info, who.channels
        return who.expires

    async def _subscribe_server_side(self, channels: Iterable[str], request: Connect) -> dict[str, SubscribeResult]:
        wanted: dict[str, Wanted] = {}
        for channel in channels:
            asked = request.subs.get(channel)
            since = Position(asked.epoch, asked.offset) if asked is not None and asked.recover else None
            by_token = channel in self.claimed_channels
            wanted[channel] = Wanted(
                since=since, recoverable=True, join_leave=True, server_side=True, by_token=by_token
            )
        results = await self.add(wanted) if wanted else []
        return dict(zip(wanted, results, strict=True))

    # --- subscriptions ---------------------------------------------------------------------------------------------

    async def add(self, wanted: Mapping[str, Wanted]) -> list[SubscribeResult]:
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
        if subscription.state is not State.LIVE:
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
            self.transport.write(FrameBatch([self._framed(push)]))

    def out_of_sync(self, subscription: ClientSubscription) -> None:
        """A subscription has lost its place in the history: the client subscribes again with its position."""
        if subscription.server_side or subscription.state is not State.LIVE:
            # Clients recover these by reconnecting.
            self.end(End.NEW_HISTORY)
        else:
            subscription.cut()
            self.spawn(self.unsubscribe(subscription, Unsubscribed.INSUFFICIENT_STATE))

    def expired(self, subscription: ClientSubscription) -> None:
        """The token of a subscription was not refreshed in time: unsubscribe."""
        self.spawn(self.unsubscribe(subscription, Unsubscribed.EXPIRED))

    def expire_at(self, moment: float | None) -> None:
        """Close the connection :data:`GRACE` seconds after ``moment`` (Unix time), unless a later call moves it."""
        self.expires = moment
        if moment is None:
            self._set_timer(None)
        else:
            delay = max(0.0, moment - time.time()) + GRACE
            self._set_timer(asyncio.get_running_loop().call_later(delay, self.end, End.EXPIRED))

    def _set_timer(self, timer: asyncio.TimerHandle | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

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
            log.exception("client_failed", client=self.client)
            self.end(End.SERVER_ERROR)

    # --- hub.access.registry.OpenSocket ---------------------------------------------------------------------------

    def handle(self, message: ControlMessage) -> None:
        """Handle a control message for this client."""
        match message:
            case DisconnectUser() if self.client not in message.whitelist:
                code = message.code if message.code in CLOSE_CODES else End.DISCONNECTED.client
                self.close(code, message.reason)
            case RefreshUser(expired=True):
                self.end(End.EXPIRED)
            case RefreshUser():
                self.expire_at(message.expire_at or None)
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

    async def _subscribe_and_tell(self, channels: list[str], how: Wanted) -> None:
        results = await self.add(dict.fromkeys(channels, how))
        for channel, result in zip(channels, results, strict=True):
            # Clients take the position from this push, and publications only as pushes of their own.
            missed, result.publications = result.publications, []
            self.tell(Push(channel=channel, subscribe=result))
            if missed and not self.has_ended:
                texts = [encoder.push_of(channel, bytes(one).decode()) for one in missed]
                self.transport.write(FrameBatch([self.format.frame_of(text) for text in texts]))
        await self._answer()

    async def _handle_unsubscribe(self, channel: str) -> None:
        async with self._lock:
            for subscription in list(self.subscriptions.values()):
                if channel in ("", subscription.channel):
                    self.opt_out(subscription.channel)
                    await self.unsubscribe(subscription, Unsubscribed.SERVER)

    async def check_permissions(self, user: Visitor) -> None:
        """As :meth:`Session.check_permissions`. If a rule fails, its subscription stays, and this raises at last."""
        own = [one for one in self.subscriptions.values() if not one.by_token and not self._is_about_its_user(one)]
        answers = await asyncio.gather(
            *(allows(one.namespace.can_subscribe, user, one.arguments) for one in own), return_exceptions=True
        )
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        allowed = {
            one: bool(answer)
            for one, answer in zip(own, answers, strict=True)
            if not isinstance(answer, BaseException)
        }
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
        if failures:
            raise failures[0]

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
