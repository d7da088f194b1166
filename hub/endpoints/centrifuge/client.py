"""One client of the hub socket: what it may say when, what it is answered, and how it ends. Knows no transport."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any

import structlog
from django.contrib.auth.models import AnonymousUser, User
from msgspec import UNSET

from hub.access import registry, revalidation
from hub.access.control import ControlMessage, DisconnectUser, RefreshUser, SubscribeUser, UnsubscribeUser
from hub.channels import UnknownChannel, find
from hub.concurrency.faults import described
from hub.config import hub_settings
from hub.endpoints.centrifuge import commands, connection_presence, keepalive, server_side, sessions
from hub.endpoints.centrifuge.authentication import Authenticated
from hub.endpoints.centrifuge.codes import Disconnected, Ended, Error, Failed, Unsubscribed
from hub.endpoints.centrifuge.encoder import push_of
from hub.endpoints.centrifuge.messages import (
    PING,
    ClientInfo,
    Command,
    Connect,
    ConnectResult,
    ErrorResult,
    Json,
    Malformed,
    Push,
    Reply,
    Request,
    Send,
    SubscribeResult,
    commands_in,
    failed,
    text_of,
    unsubscribed,
)
from hub.endpoints.centrifuge.rpc import RpcError
from hub.endpoints.centrifuge.rules import allows
from hub.endpoints.centrifuge.subscriptions import GRACE, ClientSubscription, Wanted, establish
from hub.fanout.frames import FrameBatch
from hub.limits import connections
from hub.limits.connections import Bucket, Decision, RateLimiter, address_of_guest
from hub.ops import metrics
from hub.streams import Position
from hub.transports.transport import Transport

log = structlog.get_logger(__name__)

#: Codes that a backend may end a connection with.
CLOSE_CODES = range(3000, 5000)

_PING = FrameBatch([PING])

#: Seconds that a client has for its first command. Who is late may come back: it may be us who are slow.
FIRST_COMMAND = 10.0

#: Commands that cost next to nothing may come so many times faster than others.
FREE_RATE = 5.0


class Client:
    """A session. Its transport gives it each frame (:meth:`receive`) and says when it is over (:meth:`gone`)."""

    __slots__ = (
        "_admitted",
        "_connected",
        "_counted",
        "_counted_as",
        "_declined",
        "_ended",
        "_established",
        "_free",
        "_lock",
        "_opened",
        "_pace",
        "_replies",
        "_tasks",
        "_timer",
        "address",
        "claimed_channels",
        "client",
        "credential",
        "expires",
        "given_info",
        "guest_of",
        "language",
        "ponged",
        "restarting",
        "subscriptions",
        "transport",
        "user",
    )

    def __init__(self, transport: Transport, admitted: Authenticated) -> None:
        self.transport = transport
        #: The id of this connection; others may know it.
        self.client = secrets.token_hex(12)
        self.user: User | AnonymousUser = admitted.user or AnonymousUser()
        self.credential = admitted.credential
        self.language = admitted.language
        self.address = admitted.address
        #: What a token said of this connection, for others.
        self.given_info: Json = UNSET
        #: Channels that a token wants the hub to subscribe this client to.
        self.claimed_channels: list[str] = []
        self.subscriptions: dict[str, ClientSubscription] = {}
        #: When the token of this connection ends, in seconds since 1970; None where it does not.
        self.expires: float | None = None
        self.restarting = False
        #: Whether the last ping was answered.
        self.ponged = True
        self._admitted: Authenticated | None = admitted
        #: The address that is counted for it, where it is a guest.
        self.guest_of = None if admitted.user is None or admitted.user.pk else address_of_guest(admitted.address)
        self._connected = False
        #: Among whose connections the transport has counted this one, and among whose it is counted besides.
        self._counted_as: int | None = admitted.user.pk if admitted.user is not None else None
        self._counted: int | None = None
        self._ended = False
        #: Channels that the client, or a backend for it, has left, until it is back or they are not about its user.
        self._declined: set[str] | None = None
        self._pace: RateLimiter | None = None
        self._free: Bucket | None = None
        self._opened = 0
        self._replies: list[str] = []
        #: Subscriptions that go live once the client has been told of them.
        self._established: list[ClientSubscription] = []
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = loop.call_later(FIRST_COMMAND, self.end, Disconnected.NO_PONG)

    @property
    def info(self) -> ClientInfo:
        """What others are told of this client."""
        if self.user.pk is None:
            return ClientInfo(client=self.client, user="", conn_info=self.given_info)
        said = self.given_info or connection_presence.conn_info(self.user.get_username())
        return ClientInfo(client=self.client, user=str(self.user.pk), conn_info=said)

    # --- the transport's side --------------------------------------------------------------------------------------

    async def receive(self, frame: str | bytes) -> None:
        """Carry out the commands of a frame, one after the other, and answer them in one."""
        async with self._lock:
            if self._is_over():
                return
            reason: Disconnected | None = None
            try:
                for command in _commands_in(frame):
                    await self._carry_out(command)
                    if self._is_over():
                        return
            except Malformed:
                reason = Disconnected.BAD_REQUEST
            except Ended as ended:
                reason = ended.reason
            await self._answer()
            if reason is not None:
                self.end(reason)

    async def gone(self) -> None:
        """The connection is over. Called once, by the transport."""
        try:
            await self.leave()
        finally:
            self._count(None)

    async def leave(self) -> None:
        """Take the client off all lists, also while its connection is not over yet. May be repeated."""
        self.cut()
        if self._tasks:
            # None does anything more, but one may be half-way out of a channel: stopped, it would stay listed there.
            await asyncio.wait(self._tasks)
        # Commands may come by a request of their own: who is entering just now cannot leave before that is done.
        async with self._lock:
            self.cut()
            subscriptions = list(self.subscriptions.values())
            self.subscriptions.clear()
            await _leave(subscriptions)
            for subscription in subscriptions:
                subscription.feed = None

    def _is_over(self) -> bool:
        return self._ended

    def cut(self) -> None:
        """Nothing is to be written any more, not even in this turn of the loop. May be repeated."""
        self._ended = True
        self._set_timer(None)
        registry.current().remove(self)
        keepalive.current().remove(self)
        sessions.close(self)
        for subscription in self.subscriptions.values():
            subscription.cut()

    def end(self, reason: Disconnected) -> None:
        """End the connection; ``reason`` tells the client whether to come back."""
        self.close(reason, reason.text)

    def close(self, code: int, reason: str) -> None:
        """End the connection with any code."""
        if not self._ended:
            self.transport.close(code, reason)
            self.cut()

    def ping(self) -> None:
        """Ask whether the client is still there."""
        # Whoever waits for an answer cannot send one.
        self.ponged = self._lock.locked()
        self.transport.write(_PING)

    # --- commands --------------------------------------------------------------------------------------------------

    async def _carry_out(self, command: Command) -> None:
        found = command.requests()
        if not found and not command.id:
            self._judge_free()  # a pong, or what looks like one
            self.ponged = True
            return
        if len(found) != 1 or isinstance(found[0], Connect) is self._connected:
            raise Ended(Disconnected.BAD_REQUEST)
        request = found[0]
        if not command.id and not isinstance(request, Send):
            raise Ended(Disconnected.BAD_REQUEST)
        try:
            result = await self._result_of(request)
        except Ended:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the client is answered
            failure = _failure(command.id, request, error)
            if isinstance(request, Send):
                # Clients take an answer to it for a ping.
                log.debug("send_dropped", client=self.client, reason=failure.error)
            else:
                self._replies.append(text_of(failure))
        else:
            if result is not None:
                self._replies.append(text_of(Reply(id=command.id, **{commands.KEYS[type(request)]: result})))

    async def _result_of(self, request: Request) -> Any:
        self._judge(request)
        if isinstance(request, Connect):
            return await self._connect(request)
        handler: Callable[[Client, Any], Awaitable[Any]] = commands.HANDLERS[type(request)]
        return await handler(self, request)

    def _judge(self, request: Request) -> None:
        """Hold the client to its pace. What a page needs to begin is free: as many subscriptions as it may have."""
        if isinstance(request, commands.FREE):
            self._judge_free()
            return
        if isinstance(request, commands.OPENING):
            self._opened += 1
            if self._opened <= hub_settings().subscriptions_per_socket:
                return
        if self._pace is None:
            self._pace = RateLimiter(self.user.pk, self.guest_of)
        match self._pace.judge():
            case Decision.REFUSE:
                raise Failed(Error.TOO_MANY_REQUESTS, self._pace.wait)
            case Decision.CLOSE:
                raise Ended(Disconnected.TOO_MANY_REQUESTS)

    def _judge_free(self) -> None:
        """What costs next to nothing costs something a thousand times a second. No client takes a refusal of it."""
        burst, rate = 2.0 * hub_settings().subscriptions_per_socket, FREE_RATE * hub_settings().socket_rate
        if self._free is None:
            self._free = Bucket()
        if self._free.take(rate, burst):
            raise Ended(Disconnected.TOO_MANY_REQUESTS)

    async def _answer(self) -> None:
        """Write the answers to one frame, then what came for the new subscriptions meanwhile."""
        replies, self._replies = self._replies, []
        established, self._established = self._established, []
        if replies and not self._ended:
            await self.transport.answer("\n".join(replies))
        struck = []
        for subscription in established:
            if self._ended:
                break
            if subscription.doomed is None:
                subscription.go_live()
            else:
                # Nothing of it was written: it is held.
                subscription.is_live = True
                if self._strike(subscription, subscription.doomed):
                    struck.append(subscription)
        await _leave(struck)

    # --- connecting ------------------------------------------------------------------------------------------------

    async def _connect(self, request: Connect) -> ConnectResult:
        expires = await commands.authenticate(self, request.token, self._admitted)
        if not commands.expects(request.data, self.user):
            raise Ended(Disconnected.INVALID_TOKEN)
        self._count(self.user.pk)
        channels = dict.fromkeys([*await server_side.channels_of(self.user), *self.claimed_channels])
        subs = await self._subscribe_by_hub(channels, request)
        self._connected = True
        self._admitted = self._pace = None
        self.expire_at(expires)
        revalidation.current().admitted(self)
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
            result.session, result.node = sessions.open_for(self), sessions.NODE
        return result

    def _count(self, user_id: int | None) -> None:
        """Count this connection among those of a user, unless the transport has; None for nobody's any more."""
        if user_id == self._counted_as:
            user_id = None
        if self._counted is not None:
            connections.connections.leave(None, self._counted)
            self._counted = None
        if user_id is not None:
            if not connections.connections.enter(None, user_id):
                raise Ended(Disconnected.CONNECTION_LIMIT)
            self._counted = user_id

    async def _subscribe_by_hub(self, channels: Iterable[str], request: Connect) -> dict[str, SubscribeResult]:
        wanted: dict[str, Wanted] = {}
        for channel in channels:
            asked = request.subs.get(channel)
            since = Position(asked.epoch, asked.offset) if asked is not None and asked.recover else None
            by_token = channel in self.claimed_channels
            wanted[channel] = Wanted(since=since, recoverable=True, comings=True, by_hub=True, by_token=by_token)
        results = await self.add(wanted) if wanted else []
        return dict(zip(wanted, results, strict=True))

    # --- subscriptions ---------------------------------------------------------------------------------------------

    async def add(self, wanted: Mapping[str, Wanted]) -> list[SubscribeResult]:
        """Subscribe to channels, whose rules have been asked. They go live with the answer that tells the client.

        All or none. Raises as :func:`hub.endpoints.centrifuge.subscriptions.establish`, and ``UnknownChannel``.
        """
        new = [ClientSubscription(self, channel, *find(channel), how) for channel, how in wanted.items()]
        for subscription in new:
            self.subscriptions[subscription.channel] = subscription
        try:
            results = await establish(new)
        except BaseException:
            for subscription in new:
                await self.remove(subscription)
            raise
        self._established += new
        if self._declined is not None:
            self._declined = self._declined - wanted.keys() or None
        if self._ended:
            self.cut()
        return results

    async def remove(self, subscription: ClientSubscription) -> None:
        """End a subscription without telling the client."""
        self._drop(subscription)
        await subscription.leave()

    def _drop(self, subscription: ClientSubscription) -> None:
        subscription.cut()
        if self.subscriptions.get(subscription.channel) is subscription:
            del self.subscriptions[subscription.channel]
        if subscription in self._established:
            self._established.remove(subscription)

    async def take_away(self, subscription: ClientSubscription, why: Unsubscribed) -> None:
        """End a subscription and tell the client, unless it has ended meanwhile.

        One of which the client has not been told ends when it has been: clients drop an end that comes before.
        """
        if self._strike(subscription, why):
            await subscription.leave()

    def _strike(self, subscription: ClientSubscription, why: Unsubscribed) -> bool:
        """:meth:`take_away` but for presence, which the caller then leaves where this returns True."""
        if self.subscriptions.get(subscription.channel) is not subscription or self._ended:
            return False
        if not subscription.is_live:
            subscription.doomed = why
            return False
        self._drop(subscription)
        self.tell(unsubscribed(subscription.channel, why))
        return True

    def decline(self, channel: str) -> None:
        """Not to be subscribed to ``channel`` by the hub again: it was left on purpose."""
        self._declined = {*(self._declined or ()), channel}

    def tell(self, push: Push) -> None:
        """Say something to this client alone."""
        if not self._ended:
            self.transport.write(FrameBatch([text_of(push)]))

    def lost(self, subscription: ClientSubscription) -> None:
        """A subscription cannot go on where it was: the client comes back to it with its position."""
        if subscription.by_hub or not subscription.is_live:
            # Such a channel is come back to by connecting anew.
            self.end(Disconnected.INSUFFICIENT_STATE)
        else:
            subscription.cut()
            self.spawn(self.take_away(subscription, Unsubscribed.INSUFFICIENT_STATE))

    def expired(self, subscription: ClientSubscription) -> None:
        """The token of a subscription was not renewed in time."""
        self.spawn(self.take_away(subscription, Unsubscribed.EXPIRED))

    def expire_at(self, moment: float | None) -> None:
        """End the connection some time after ``moment`` (seconds since 1970), unless that is set anew."""
        self.expires = moment
        if moment is None:
            self._set_timer(None)
        else:
            delay = max(0.0, moment - time.time()) + GRACE
            self._set_timer(asyncio.get_running_loop().call_later(delay, self.end, Disconnected.EXPIRED))

    def _set_timer(self, timer: asyncio.TimerHandle | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something for this client that nobody waits for."""
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            # It is in an unknown state: coming back is the one way to a known one.
            log.exception("client_failed", client=self.client)
            self.end(Disconnected.SERVER_ERROR)

    # --- hub.access.registry.OpenSocket ---------------------------------------------------------------------------

    def follows(self, channel: str) -> bool:
        """Whether the client receives what is published in ``channel``."""
        return channel in self.subscriptions

    def stop(self) -> None:
        """This server stops: the client comes back, here or elsewhere, and has not left."""
        self.restarting = True
        self.end(Disconnected.SHUTDOWN)

    def obey(self, order: ControlMessage) -> None:
        """Carry out an order that is for this client."""
        match order:
            case DisconnectUser() if self.client not in order.whitelist:
                code = order.code if order.code in CLOSE_CODES else int(Disconnected.FORCE_DISCONNECT)
                self.close(code, order.reason)
            case RefreshUser(expired=True):
                self.end(Disconnected.EXPIRED)
            case RefreshUser():
                self.expire_at(order.expire_at or None)
            case SubscribeUser():
                self.spawn(self._subscribe_by_order(order))
            case UnsubscribeUser():
                self.spawn(self._unsubscribe_by_order(order.channel))
            case _:
                pass

    async def _subscribe_by_order(self, order: SubscribeUser) -> None:
        async with self._lock:
            if order.channel in self.subscriptions or self._ended:
                return
            since = Position(order.epoch, order.offset) if order.offset or order.epoch else None
            try:
                await self._subscribe_and_tell([order.channel], since, by_token=True, order=order)
            except (UnknownChannel, Failed):
                log.warning("subscribe_order_failed", channel=order.channel)

    async def _subscribe_and_tell(
        self, channels: list[str], since: Position | None, *, by_token: bool, order: SubscribeUser | None = None
    ) -> None:
        wanted = Wanted(since=since, recoverable=True, comings=True, by_hub=True, by_token=by_token)
        if order is not None:
            wanted = replace(
                wanted, expires=order.expire_at or None, data=order.data.encode(), info=order.info.encode()
            )
        results = await self.add(dict.fromkeys(channels, wanted))
        for channel, result in zip(channels, results, strict=True):
            # Clients take the position from this push, and publications only as pushes of their own.
            missed, result.publications = result.publications, []
            self.tell(Push(channel=channel, subscribe=result))
            if missed and not self._ended:
                self.transport.write(FrameBatch([push_of(channel, bytes(one).decode()) for one in missed]))
        await self._answer()

    async def _unsubscribe_by_order(self, channel: str) -> None:
        async with self._lock:
            for subscription in list(self.subscriptions.values()):
                if channel in ("", subscription.channel):
                    self.decline(subscription.channel)
                    await self.take_away(subscription, Unsubscribed.SERVER)

    async def recheck(self, user: User | AnonymousUser | None) -> None:
        """Hold the client to what its user may do now. ``user`` is None where the credential is no longer valid."""
        if user is None:
            self.end(Disconnected.INVALID_TOKEN)
            return
        self.user = user
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
        # Read last, and nothing is awaited from here until all have ended that must: somebody may follow meanwhile.
        personal_ones = set(await server_side.channels_of(user))
        struck = []
        for one in list(self.subscriptions.values()):
            if one.by_token:
                continue
            if one.channel in personal_ones or allowed.get(one):
                one.doomed = None
            # What was about this person and is no more ends, also where they might subscribe to it by themselves.
            elif (one in allowed or self._is_about_its_user(one)) and self._strike(one, Unsubscribed.SERVER):
                struck.append(one)
        if self._declined is not None:
            # Who follows a topic anew wants it again.
            self._declined = self._declined & personal_ones or None
        if personal_ones - self.subscriptions.keys() - (self._declined or set()):
            self.spawn(self._subscribe_to_new())
        await _leave(struck)
        if failures:
            raise failures[0]

    def _is_about_its_user(self, subscription: ClientSubscription) -> bool:
        return subscription.by_hub and subscription.channel not in self.claimed_channels

    async def _subscribe_to_new(self) -> None:
        async with self._lock:
            if self._ended:
                return
            # Asked again: waiting for the lock may take as long as a command does.
            known = self.subscriptions.keys() | (self._declined or set())
            new = [one for one in await server_side.channels_of(self.user) if one not in known]
            if new:
                await self._subscribe_and_tell(new, None, by_token=False)


async def _leave(subscriptions: Iterable[ClientSubscription]) -> None:
    """Take them all off the lists of presence, also where one of them fails."""
    for subscription in subscriptions:
        try:
            await subscription.leave()
        except Exception:
            log.exception("client_not_left", channel=subscription.channel)


def _commands_in(frame: str | bytes) -> list[Command]:
    if len(frame) > hub_settings().max_frame:
        raise Ended(Disconnected.TOO_BIG)
    return commands_in(frame)


def _failure(command_id: int, request: Request, error: Exception) -> Reply:
    """The answer to a command that was not carried out. What is nobody's fault but the hub's is logged."""
    if isinstance(error, RpcError):
        metrics.CLIENT_ERRORS.labels("refused").inc()
        said = ErrorResult(
            code=error.code, message=error.message, temporary=error.temporary, retry_after=error.retry_after
        )
        return Reply(id=command_id, error=said)
    retry_after = 0
    if isinstance(error, Failed):
        code, retry_after = error.error, error.retry_after
    elif isinstance(error, UnknownChannel):
        code = Error.UNKNOWN_CHANNEL
    else:
        log.error("command_failed", command=type(request).__name__, **described(error))
        code = Error.INTERNAL
    metrics.CLIENT_ERRORS.labels(code.text.replace(" ", "_")).inc()
    return failed(command_id, code, retry_after)
