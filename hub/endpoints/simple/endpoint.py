"""The base of the simple endpoints: a Channels consumer without a layer channel of its own and without dispatch.

Channels' own consumers make a layer channel per socket and cross a process-wide thread for every event. Here the relay
writes to the connection by itself, and the consumer only reads (``docs/decisions/003-relay-instead-of-consumers.md``).
"""

import asyncio
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qs

import msgspec
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable
from channels.consumer import AsyncConsumer
from django.db import Error as DatabaseFault
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from hub.access import revalidation
from hub.access.reasons import End, Ended, portable
from hub.access.subprotocol import chosen
from hub.concurrency.faults import cause, described, may_be_done
from hub.config import hub_settings
from hub.fanout import recovery
from hub.fanout.frames import Frame, FrameBatch
from hub.fanout.local_channel import Encoder, RawWrite, frames_of
from hub.limits.connections import Decision, counted_address
from hub.logs import get_logger
from hub.logs.rare_log import RareLog
from hub.ops import metrics
from hub.server.protocol import EXTENSION
from hub.session import connection_presence
from hub.session.client_info import ClientInfo
from hub.session.session import Session
from hub.session.subscriptions import SessionSubscription
from hub.streams import Envelope, Position, cursors
from hub.transports.writer import Ends, SendBuffer, is_restart
from hub.users import User, Visitor
from hub.validation.messages import BadMessage, read
from hub.validation.refused import Refused

_rare_log = RareLog(get_logger(__name__))

#: Channels, each with the encoder of its frames.
Channels = Iterable[tuple[str, Encoder]]

_ENDS = Ends(End.SLOW.on_simple, End.TOO_FAST.on_simple, partial(portable, is_simple=True))

_NOT_STORED = BadMessage("not_stored", _("The message could not be stored, try again"))
_UNKNOWN = BadMessage(
    "maybe_stored", _("The message may have been stored. Look before you send it again, or send it with the same key")
)


class SimpleEndpoint(Session, AsyncConsumer):
    """One purpose per URL, JSON text frames. Subclasses choose the channels and say what a client may send.

    ``user`` (authenticated or anonymous) and ``language`` come from :mod:`hub.endpoints.simple.gate`, ``arguments``
    from the URL.
    """

    #: The label of this endpoint in metrics.
    name: ClassVar[str] = "endpoint"

    #: The client's own name of the message in hand; None without one.
    key: str | None = None

    _guest = ""
    #: Of those only whose token ends.
    _timer: asyncio.TimerHandle | None = None

    async def authorise(self) -> Channels:
        """Authorise the client and return the channels it will receive; called again when permissions may change.

        Raises:
            Ended: the client may not connect, or stay.
        """
        raise NotImplementedError

    def entered(self, channel: str, data: Any) -> None:
        """The client is in presence at ``channel``, whose namespace has ``data`` for it (None for nothing)."""

    async def message(self, message: str) -> None:
        """The client sent ``{"message": …}``, checked by :func:`hub.validation.messages.read`.

        :attr:`key` is what the client calls it: what the same user sends again under the same key is to be done once.

        Raises:
            Refused: the client gets an error frame and stays connected.
        """
        raise BadMessage("not_writable", _("This endpoint takes no messages"))

    @classmethod
    def as_asgi(cls, **initkwargs: Any) -> Any:
        """An ASGI application for a URL pattern, with an object of this class for each connection."""

        # No coroutine of its own, unlike Channels': each one costs every open socket a quarter of a KiB.
        def endpoint(scope: Any, receive: Any, send: Any) -> Any:
            return cls(**initkwargs)(scope, receive, send)

        return endpoint

    def __init__(self) -> None:
        """The session begins with the connection, in :meth:`__call__`."""

    def tell(self, frame: Mapping[str, Any] | msgspec.Struct) -> None:
        """Send one frame to this client alone."""
        self.send_buffer.write(FrameBatch([msgspec.json.encode(frame).decode()]))

    @property
    def info(self) -> ClientInfo:
        """Clients of simple endpoints are not told an id: others see the user, or a guest with a random name."""
        if isinstance(self.user, User):
            return connection_presence.info_of(self.user)
        if not self._guest:
            self._guest = secrets.token_hex(8)
        return ClientInfo(client=self._guest, user="")

    # --- life cycle -----------------------------------------------------------------------------------------------

    async def __call__(self, scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        guest_of = counted_address(scope.get("client")) if scope["user"].pk is None else None
        super().__init__(scope["user"], scope["credential"], scope["language"], guest_of)
        self.arguments: dict[str, Any] = scope.pop("url_route")["kwargs"]
        connection = scope.get("extensions", {}).get(EXTENSION, {}).get("connection")
        self.send_buffer = SendBuffer(send, connection, self.cut, _ENDS)  # type: ignore[arg-type]  # ASGI's unions against dicts
        since = parse_qs(scope["query_string"].decode("ascii", "replace")).get("since", [""])[-1]
        self._expire_at(scope.pop("expires", None))
        # Several KiB for each open socket that nobody reads any more.
        scope["headers"].clear()
        await receive()  # websocket.connect, always the first
        event: Any
        try:
            if await self._accept(send, chosen(scope)):
                with metrics.SOCKETS.labels(self.name).track_inprogress():
                    await self._begin(since)
                    while (event := await receive())["type"] != "websocket.disconnect":
                        await self._receive(event)
                    self.restarting = self.restarting or is_restart(event)
            else:
                while (await receive())["type"] != "websocket.disconnect":
                    pass
        except OSError:
            return  # the client went away while something was written to it
        finally:
            self.send_buffer.end()
            if self._timer is not None:
                self._timer.cancel()
            await self.leave()

    def _expire_at(self, moment: float | None) -> None:
        """End the connection at ``moment`` (Unix time): the client comes back with a new token."""
        if moment is not None:
            delay = max(0.0, moment - time.time())
            self._timer = asyncio.get_running_loop().call_later(delay, self.end, End.EXPIRED)

    async def _accept(self, send: ASGISendCallable, subprotocol: str | None) -> bool:
        refused = None
        try:
            await self.open([SessionSubscription(self, *wanted) for wanted in await self.authorise()])
        except Ended as error:
            refused = Ended(error.reason, error.text)  # itself, it would keep this frame, which keeps it
        except DatabaseFault as error:
            _rare_log.error("endpoint_failed", kind=self._cause(error), endpoint=self.name, **described(error))
            refused = Ended(End.SERVER_ERROR)
        # A close before the handshake reaches a browser as a bare 1006, so the client is always let in first.
        await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
        self.send_buffer.open()
        if refused is None:
            revalidation.current().register(self)
            return True
        self.end(refused.reason, refused.text)
        return False

    def end(self, reason: End, text: str = "") -> None:
        """Close the connection; ``text`` says more than the reason does. Only the first call counts."""
        code = reason.simple or End.SERVER_ERROR.simple  # an app may name a reason that only the client connection has
        self.send_buffer.close(code, text or reason.text)

    async def _receive(self, event: Mapping[str, Any]) -> None:
        if len(event.get("bytes") or (event.get("text") or "").encode(errors="surrogatepass")) > (
            hub_settings().max_frame
        ):
            self.end(End.TOO_BIG)
            return
        match self.check_rate():
            case Decision.CLOSE:
                self.end(End.TOO_FAST)
                return
            case Decision.REFUSE:
                self._refuse(TooManyMessages(retry_after=self.wait))
                return
        try:
            message, self.key = read(event.get("text"))
            await self.message(message)
        except Refused as error:
            self._refuse(error)
        except DatabaseFault as error:
            _rare_log.error("message_failed", kind=self._cause(error), endpoint=self.name, **described(error))
            self._refuse(_UNKNOWN if may_be_done(error) else _NOT_STORED)

    def _cause(self, error: BaseException) -> str:
        return f"{self.name} {cause(error)}"

    def _refuse(self, error: Refused) -> None:
        metrics.CLIENT_ERRORS.labels(error.word).inc()
        with translation.override(self.language):
            frame = {"type": "error", "message": str(error.sentence), "code": error.word}
            self.tell({**frame, "retry_after": error.retry_after} if error.retry_after else frame)

    # --- recovering, and going live -------------------------------------------------------------------------------

    async def _begin(self, text: str) -> None:
        """Write what the client missed since its cursor, then go live on every channel."""
        began = time.monotonic()
        # Those that revalidation adds or drops meanwhile are its own.
        subscriptions = list(self.subscriptions.values())
        history: list[tuple[SessionSubscription, Envelope]] = []
        malformed = False
        try:
            since = _since(text, subscriptions)
        except cursors.NotACursor:
            since, malformed = {}, True
        if since is not None:
            missed, positions = await self._missed(since, text, subscriptions)
            self.tell({"type": "resumed", "recovered": missed is not None, "cursor": cursors.join(positions.items())})
            history = missed or []
        for chunk in chunks(
            [text for subscription, item in history for text in frames_of(subscription.encoder, [item])]
        ):
            await self.send_buffer.answer(FrameBatch(chunk), self.counted_as)
        if len(subscriptions) > 1 and time.monotonic() - began > recovery.CATCHING_UP:
            # From here on an item tells what of the other channels came before it (hub.streams.cursors): not this
            # late.
            self.end(End.NEW_HISTORY)
            return
        await self._go_live(subscriptions)
        if malformed:  # after the frame that clients wait for first
            self._refuse(BadMessage("bad_cursor", _("The position in 'since' is not one that the hub has given")))

    async def _go_live(self, subscriptions: Iterable[SessionSubscription]) -> None:
        """Write what the subscriptions hold, then enter presence, which may take long while Redis is away."""
        subscriptions = [one for one in subscriptions if self._has(one)]
        for subscription in subscriptions:
            subscription.release()
        for subscription in subscriptions:
            if subscription.namespace.presence and subscription.counts and self._has(subscription):
                data = await subscription.enter()
                if self._has(subscription):
                    self.entered(subscription.channel, data)
            subscription.go_live()

    def _has(self, subscription: SessionSubscription) -> bool:
        """Whether it is still wanted: revalidation may have dropped it, and the connection may have ended."""
        return not self.has_ended and self.subscriptions.get(subscription.channel) is subscription

    async def _missed(
        self, since: Mapping[str, Position], text: str, subscriptions: Sequence[SessionSubscription]
    ) -> tuple[list[tuple[SessionSubscription, Envelope]] | None, dict[str, Position]]:
        """What was missed since a client's cursor, and the position of each channel before it.

        If the database fails, nothing is recovered.
        """
        try:
            marked = cursors.marked(text) if "@" in text and since else ()
            complete = await recovery.completed(since, marked, [one.channel for one in subscriptions])
            missed = await recovery.recover(subscriptions, complete)
        except DatabaseFault as error:
            _rare_log.error("recovery_failed", kind=self._cause(error), endpoint=self.name, **described(error))
            missed = complete = None
        positions = _starts(subscriptions)
        if missed is not None and complete is not None:
            positions |= {channel: complete[channel] for channel in positions if channel not in since}
        return missed, positions

    # --- hub.session.session.Session ------------------------------------------------------------------------------

    async def check_permissions(self, user: Visitor) -> None:
        """Unsubscribe the client from channels that it may no longer receive, and subscribe it to new ones."""
        try:
            wanted = dict(await self.authorise())
        except Ended as refused:
            self.end(refused.reason, refused.text)
            return
        if self.user is not user:
            return  # a later revalidation has newer permissions
        for subscription in [one for channel, one in self.subscriptions.items() if channel not in wanted]:
            self.drop(subscription)
            await subscription.leave()
        new = [
            SessionSubscription(self, channel, encoder)
            for channel, encoder in wanted.items()
            if not self.receives(channel)
        ]
        if new:
            await self.open(new)
            await self._go_live(new)

    @property
    def raw(self) -> RawWrite | None:
        """As :class:`hub.session.session.Session`."""
        return self.send_buffer.raw

    def write(self, batch: FrameBatch) -> None:
        """Write frames from the relay."""
        self.send_buffer.write(batch)


def _since(text: str, subscriptions: Sequence[SessionSubscription]) -> dict[str, Position] | None:
    """The positions in ``?since=``; None without it. A bare number is an offset in the endpoint's only channel,
    ``now`` stands for where the channels are.

    Raises:
        NotACursor: it is neither.
    """
    if not text:
        return None
    if text == NOW:
        return _starts(subscriptions)
    if text.isascii() and text.isdigit() and len(text) <= 18 and len(subscriptions) == 1:
        return {channel: Position(start.epoch, int(text)) for channel, start in _starts(subscriptions).items()}
    return cursors.parse(text)


def _starts(subscriptions: Sequence[SessionSubscription]) -> dict[str, Position]:
    return {subscription.channel: subscription.start for subscription in subscriptions}


class TooManyMessages(Refused):
    """The client sends faster than it may."""

    word = "too_many_messages"
    code = 429
    sentence = _("You send messages too fast; this one was not taken")


#: ``?since=now``: the client has missed nothing and asks for the first cursor.
NOW = "now"

#: Characters that are written at once to a client that recovers.
CHUNK = 64 * 1024


def chunks(texts: Iterable[Frame]) -> Iterator[list[Frame]]:
    """``texts`` in order, in chunks of about ``CHUNK`` characters: what was missed may be megabytes."""
    chunk: list[Frame] = []
    size = 0
    for text in texts:
        if chunk and size + len(text) > CHUNK:
            yield chunk
            chunk, size = [], 0
        chunk.append(text)
        size += len(text)
    if chunk:
        yield chunk
