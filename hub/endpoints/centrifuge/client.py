"""The session of one client connection: its commands, its replies and its end. Independent of the transport."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from hub.access import authentication, revalidation
from hub.access.authentication import Authenticated
from hub.access.control import ControlMessage, DisconnectUser, RefreshUser
from hub.access.reasons import End, Ended, Error, Failed
from hub.access.signed_tokens import TokenExpired
from hub.concurrency import node
from hub.config import hub_settings
from hub.endpoints.centrifuge import commands, keepalive, rates, refusals, sessions
from hub.endpoints.centrifuge.messages import (
    Command,
    Connect,
    ConnectResult,
    Malformed,
    Reply,
    Request,
    Send,
    SubscribeResult,
)
from hub.endpoints.centrifuge.subscribed import SubscribedClient
from hub.endpoints.centrifuge.subscriptions import GRACE, SubscriptionOptions
from hub.fanout.frames import Frame
from hub.limits.connections import Bucket, Counted, TooManyConnections
from hub.logs import get_logger
from hub.ops import metrics
from hub.session import server_side
from hub.streams import Position
from hub.transports.transport import LONG, Transport
from hub.users import written_key

log = get_logger(__name__)

#: Close codes that a backend may use.
CLOSE_CODES = range(3000, 5000)

#: Seconds that a client has for its first command. A late client may reconnect: the hub may be the slow one.
FIRST_COMMAND = 10.0

#: In place of what the handshake says, once a client has connected.
_KNOWN = Authenticated(None)


class Client(SubscribedClient):
    """The session of one client connection, over any transport.

    The transport passes each frame to :meth:`receive`, and awaits :meth:`leave` when it is over.

    Args:
        who: as the handshake says; the first command may say otherwise.
        counted: the count of this connection.
    """

    __slots__ = (
        "_connected",
        "_counted",
        "_replies",
        "_timer",
        "_unwritten",
        "_who",
        "address",
        "expires",
        "free",
        "opened",
        "ponged",
    )

    name = "hub"

    def __init__(self, transport: Transport, who: Authenticated, counted: Counted) -> None:
        super().__init__(transport, who)
        self.address = who.address
        #: When the token of this connection ends, in seconds since 1970; None where it does not.
        self.expires: float | None = None
        #: Whether the last ping was answered.
        self.ponged = True
        self._who = who
        self._counted = counted
        self._connected = False
        #: What :mod:`hub.endpoints.centrifuge.rates` counts: cheap commands, and those that connect and subscribe.
        self.free: Bucket | None = None
        self.opened = 0
        self._replies: list[Frame] = []
        #: How long these are together.
        self._unwritten = 0
        loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = loop.call_later(FIRST_COMMAND, self.end, End.NO_PONG)

    # --- the transport's side --------------------------------------------------------------------------------------

    async def receive(self, frame: str | bytes) -> None:
        """Carry out the commands of a frame in order, and answer them in one frame, or in several if that is long.

        So a frame of many commands never has more in memory than one long reply, and what else is short. One that is
        none, or comes too fast, ends the connection: what stands before it in the frame has been done.
        """
        async with self._lock:
            if self._is_over():
                return
            reason: End | None = None
            try:
                for command in self._commands_in(frame):
                    await self._carry_out(command)
                    if self._unwritten >= LONG:
                        await self._answer()
                    if self._is_over():
                        return
            except Malformed:
                reason = End.BAD_REQUEST
            except Ended as ended:
                reason = ended.reason
            await self._answer()
            if reason is not None:
                self.end(reason)

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

    # --- commands --------------------------------------------------------------------------------------------------

    def _commands_in(self, frame: str | bytes) -> Iterator[Command]:
        if len(frame) > hub_settings().max_frame:
            raise Ended(End.TOO_BIG)
        return self.format.commands_in(frame)

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
                self._reply(Reply(id=command.id, error=refusals.told(refused, self.language)))
        else:
            if result is not None:
                self._reply(Reply(id=command.id, **{commands.KEYS[type(request)]: result}))

    def _reply(self, reply: Reply) -> None:
        message = self.format.message(reply)
        self._replies.append(message)
        self._unwritten += len(message)

    async def _result_of(self, request: Request) -> Any:
        rates.check(self, request)
        if isinstance(request, Connect):
            return await self._connect(request)
        handler: Callable[[Client, Any], Awaitable[Any]] = commands.HANDLERS[type(request)]
        return await handler(self, request)

    async def _answer(self) -> None:
        """Write the replies to one frame, then let the new subscriptions go live."""
        replies, self._replies, self._unwritten = self._replies, [], 0
        if replies and not self.has_ended:
            await self.transport.answer(self.format.join(replies), self.counted_as)
        await self.go_live()

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
            self._counted.move_to(written_key(who.user))
        except TooManyConnections:
            raise Ended(End.TOO_MANY) from None
        self.user, self.credential = who.user, who.credential
        self.given_info, self.claimed_channels = who.info, who.channels
        return who.expires

    async def _subscribe_server_side(self, channels: Iterable[str], request: Connect) -> dict[str, SubscribeResult]:
        wanted: dict[str, SubscriptionOptions] = {}
        for channel in channels:
            asked = request.subs.get(channel)
            since = Position(asked.epoch, asked.offset) if asked is not None and asked.recover else None
            by_token = channel in self.claimed_channels
            wanted[channel] = SubscriptionOptions(
                since=since, recoverable=True, join_leave=True, server_side=True, by_token=by_token
            )
        results = await self.add(wanted) if wanted else []
        return dict(zip(wanted, results, strict=True))

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
            case _:
                super().handle(message)
