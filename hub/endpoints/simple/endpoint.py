"""The base of the simple endpoints: a Channels consumer without a layer channel of its own and without dispatch.

Channels' own consumers make a layer channel per socket and cross a process-wide thread for every event. Here the relay
writes to the connection by itself, and the consumer only reads (``docs/decisions/003-relay-instead-of-consumers.md``).
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qs

import msgspec
import structlog
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable
from channels.consumer import AsyncConsumer
from django.contrib.auth.models import AnonymousUser, User
from django.db import Error as DatabaseFault
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from hub.access import registry, revalidation
from hub.access.control import ControlMessage, DisconnectUser
from hub.access.ends import comes_back, portable
from hub.concurrency.faults import described
from hub.config import hub_settings
from hub.endpoints.simple.codes import BadMessage, Close, Rejected
from hub.fanout import recovery, relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import Encoder, RawWrite, Subscription, texts_of
from hub.limits import TooMany
from hub.limits.connections import Decision, RateLimiter, counted_address
from hub.ops import metrics
from hub.server.protocol import EXTENSION
from hub.streams import Envelope, Position, cursors
from hub.transports.writer import Ends, SendBuffer
from hub.validation.text import MESSAGE_LIMIT, is_storable, is_visible

log = structlog.get_logger(__name__)

_ENDS = Ends(
    slow=(Close.TOO_SLOW, "Too slow"),
    fast=(Close.TOO_FAST, "Too many frames"),
    portable=partial(portable, is_simple=True),
)

#: WebSocket's own limit for the reason in a close frame (RFC 6455, 5.5).
REASON_LIMIT = 123


class SimpleEndpoint(AsyncConsumer):
    """One purpose per URL, JSON text frames. Subclasses choose the channels and say what a client may send.

    ``user`` (authenticated or anonymous) and ``language`` come from :mod:`hub.endpoints.simple.authentication`,
    ``arguments`` from the URL.
    """

    #: The label of this endpoint in metrics.
    name: ClassVar[str] = "endpoint"

    #: hub.access.registry.OpenSocket: clients of simple endpoints are not told an id.
    client = ""

    _rate_limiter: RateLimiter | None = None
    _address: str | None = None
    _stopping = False

    async def authorise(self) -> Iterable[tuple[str, Encoder]]:
        """Authorise the client and return the channels it will receive, each with the encoder of its frames.

        Raises:
            Rejected: the client may not connect.
        """
        raise NotImplementedError

    async def entered(self) -> None:
        """The client is connected and receives publications. An endpoint may write more here."""

    async def message(self, message: str) -> None:
        """The client sent ``{"message": …}``, checked by :func:`text_of`.

        Raises:
            BadMessage, TooMany: the client gets an error frame and stays connected.
        """
        raise BadMessage("not_writable", _("This door takes no messages"))

    async def left(self, *, restarting: bool) -> None:
        """The client has disconnected, after :meth:`entered` was called (which may have failed half-way).

        ``restarting``: this server stops, and the client will reconnect.
        """

    @classmethod
    def as_asgi(cls, **initkwargs: Any) -> Any:
        """An ASGI application for a URL pattern, with an object of this class for each connection."""

        # No coroutine of its own, unlike Channels': each one costs every open socket a quarter of a KiB.
        def endpoint(scope: Any, receive: Any, send: Any) -> Any:
            return cls(**initkwargs)(scope, receive, send)

        return endpoint

    def tell(self, frame: Mapping[str, Any] | msgspec.Struct) -> None:
        """Send one frame to this client alone."""
        self.send_buffer.write(FrameBatch([msgspec.json.encode(frame).decode()]))

    # --- life cycle -----------------------------------------------------------------------------------------------

    async def __call__(self, scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self.user: User | AnonymousUser = scope["user"]
        self.credential: str = scope["credential"]
        self.language: str = scope["language"]
        if self.user.pk is None:
            self._address = counted_address(scope.get("client"))
        self.arguments: dict[str, Any] = scope["url_route"]["kwargs"]
        connection = scope.get("extensions", {}).get(EXTENSION, {}).get("connection")
        self.send_buffer = SendBuffer(send, connection, self._stop, _ENDS)  # type: ignore[arg-type]  # ASGI's unions against dicts
        self._subscriptions: list[Subscription] = []
        since = parse_qs(scope["query_string"].decode("ascii", "replace")).get("since", [""])[-1]
        # Several KiB for each open socket that nobody reads any more.
        scope["headers"].clear()
        await receive()  # websocket.connect, always the first
        try:
            if await self._accept(send):
                revalidation.current().register(self)
                with metrics.SOCKETS.labels(self.name).track_inprogress():
                    await self._resume(since)
                    await self._serve(receive)
            else:
                await self._wait_for_disconnect(receive)
        except OSError:
            return  # the client went away while something was written to it
        finally:
            registry.current().remove(self)
            self.send_buffer.end()
            for subscription in self._subscriptions:
                relay.current().unsubscribe(subscription)
            self._subscriptions = []

    async def _accept(self, send: ASGISendCallable) -> bool:
        try:
            self._subscriptions = await relay.current().subscribe_many(await self.authorise(), self)
            refused = None
        except Rejected as error:
            refused = Rejected(error.code, error.reason)  # itself, it would keep this frame, which keeps it
        except DatabaseFault as error:
            log.error("endpoint_failed", endpoint=self.name, **described(error))  # noqa: TRY400  # a traceback where it says more
            refused = Rejected(Close.SERVER_ERROR, "Try again")
        # A close before the handshake reaches a browser as a bare 1006, so the client is always let in first.
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        self.send_buffer.open()
        if refused is not None:
            self._reject(refused)
        return refused is None

    def _reject(self, refused: Rejected) -> None:
        self.send_buffer.close(refused.code, refused.reason.encode()[:REASON_LIMIT].decode(errors="ignore"))

    async def _serve(self, receive: ASGIReceiveCallable) -> None:
        """Handle what the client sends until it disconnects."""
        restarting = False
        try:
            await self.entered()
            while True:
                event: Any = await receive()
                if event["type"] == "websocket.disconnect":
                    restarting = self._stopping or is_restart(event)
                    return
                await self._receive(event)
        finally:
            await self.left(restarting=restarting)

    async def _receive(self, event: Mapping[str, Any]) -> None:
        if len(event.get("bytes") or (event.get("text") or "").encode(errors="surrogatepass")) > (
            hub_settings().max_frame
        ):
            self.send_buffer.close(Close.TOO_BIG, "Frame too big")
            return
        if self._rate_limiter is None:
            self._rate_limiter = RateLimiter(self.user.pk, self._address)
        match self._rate_limiter.check():
            case Decision.CLOSE:
                self.send_buffer.close(Close.TOO_FAST, "Too many messages")
                return
            case Decision.REFUSE:
                too_fast = _("You send messages too fast; this one was not taken")
                self._refuse(BadMessage("too_many_messages", too_fast, self._rate_limiter.wait))
                return
        try:
            await self.message(text_of(event.get("text")))
        except BadMessage as error:
            self._refuse(error)
        except TooMany as refusal:
            with translation.override(self.language):
                sentence = refusal.sentence
            self._refuse(BadMessage("limit_reached", sentence, refusal.retry_after))
        except DatabaseFault as error:
            log.error("message_failed", endpoint=self.name, **described(error))  # noqa: TRY400  # a traceback where it says more
            self._refuse(BadMessage("not_stored", _("The message could not be stored, try again")))

    async def _wait_for_disconnect(self, receive: ASGIReceiveCallable) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            pass

    def _refuse(self, error: BadMessage) -> None:
        metrics.CLIENT_ERRORS.labels(error.code).inc()
        with translation.override(self.language):
            frame = {"type": "error", "message": str(error.message), "code": error.code}
            self.tell({**frame, "retry_after": error.retry_after} if error.retry_after else frame)

    # --- following and resuming -----------------------------------------------------------------------------------

    async def _resume(self, text: str) -> None:
        """Write what the client missed since its cursor, then go live on every channel."""
        began = time.monotonic()
        history: list[tuple[Subscription, Envelope]] = []
        malformed = False
        try:
            since = self._since(text)
        except cursors.NotACursor:
            since, malformed = {}, True
        if since is not None:
            missed, positions = await self._missed(since, text)
            self.tell({"type": "resumed", "recovered": missed is not None, "cursor": cursors.join(positions.items())})
            history = missed or []
        for chunk in chunks(
            [text for subscription, item in history for text in texts_of(subscription.encoder, [item])]
        ):
            await self.send_buffer.answer(FrameBatch(chunk))
        if len(self._subscriptions) > 1 and time.monotonic() - began > recovery.CATCHING_UP:
            # From here on an item tells what of the other channels came before it (hub.streams.cursors): not this
            # late.
            self.send_buffer.close(Close.RESTARTED, "Come back")
            return
        for subscription in self._subscriptions:
            subscription.release()
        if malformed:  # after the frame that clients wait for first
            self._refuse(BadMessage("bad_cursor", _("The position in 'since' is not one that the hub has given")))

    def _since(self, text: str) -> dict[str, Position] | None:
        """The positions in ``?since=``; None without it. A bare number is an offset in the endpoint's only channel,
        ``now`` stands for where the channels are.

        Raises:
            NotACursor: it is neither.
        """
        if not text:
            return None
        if text == NOW:
            return {subscription.local_channel.channel: subscription.start for subscription in self._subscriptions}
        if text.isascii() and text.isdigit() and len(text) <= 18 and len(self._subscriptions) == 1:
            local_channel = self._subscriptions[0].local_channel
            return {local_channel.channel: Position(self._subscriptions[0].start.epoch, int(text))}
        return cursors.parse(text)

    async def _missed(
        self, since: Mapping[str, Position], text: str
    ) -> tuple[list[tuple[Subscription, Envelope]] | None, dict[str, Position]]:
        """:func:`hub.fanout.recovery.recover` for a client's cursor; if the database fails, nothing is recovered."""
        try:
            marked = cursors.marked(text) if "@" in text and since else ()
            return await recovery.recover(self._subscriptions, since, marked)
        except DatabaseFault as error:
            log.error("recovery_failed", endpoint=self.name, **described(error))  # noqa: TRY400  # a traceback where it says more
            return None, {
                subscription.local_channel.channel: subscription.start for subscription in self._subscriptions
            }

    def _stop(self) -> None:
        """The connection has ended: the relay must not write to it, not even in this turn of the loop."""
        for subscription in self._subscriptions:
            subscription.local_channel.remove(subscription)

    # --- hub.access.registry.OpenSocket: revalidation, control messages, shutdown -----------------------------------

    async def revalidate(self, user: User | AnonymousUser | None) -> None:
        """Check permissions again for ``user``; None means that the session or token is no longer valid.

        The client is unsubscribed from channels that it may no longer receive, and subscribed to new ones.
        """
        if user is None:
            self.send_buffer.close(Close.SIGNED_OUT, "Logged out")
            return
        self.user = user
        try:
            wanted = dict(await self.authorise())
        except Rejected as refused:
            self._reject(refused)
            return
        followed = {subscription.local_channel.channel: subscription for subscription in self._subscriptions}
        for channel in followed.keys() - wanted.keys():
            self._subscriptions = [other for other in self._subscriptions if other is not followed[channel]]
            relay.current().unsubscribe(followed[channel])
        new = [(channel, encoder) for channel, encoder in wanted.items() if channel not in followed]
        for subscription in await relay.current().subscribe_many(new, self) if new else ():
            channel = subscription.local_channel.channel
            # A later revalidation may have run meanwhile: it has subscribed already, or has newer permissions.
            if self.send_buffer.has_ended or self.user is not user or self.receives(channel):
                relay.current().unsubscribe(subscription)
            else:
                self._subscriptions = [*self._subscriptions, subscription]
                subscription.release()

    def receives(self, channel: str) -> bool:
        """Whether the client is subscribed to ``channel``."""
        return any(subscription.local_channel.channel == channel for subscription in self._subscriptions)

    def handle(self, message: ControlMessage) -> None:
        """Simple endpoints handle one control message only: disconnect."""
        if isinstance(message, DisconnectUser):
            self.send_buffer.close(Close.RECONNECT if comes_back(message.code) else Close.DISCONNECTED, "Disconnected")

    def stop(self) -> None:
        """This server stops: the client reconnects, here or elsewhere, and presence keeps its user."""
        self._stopping = True
        self.send_buffer.close(Close.SERVER_STOPS, "")

    # --- hub.fanout.local_channel.Subscriber: the relay's side of the subscriptions ----------------------------------

    @property
    def raw(self) -> RawWrite | None:
        """The function by which the relay writes bytes directly; None if it must call :meth:`write`."""
        return self.send_buffer.raw

    def write(self, block: FrameBatch) -> None:
        """Write frames from the relay."""
        self.send_buffer.write(block)

    def restart(self) -> None:
        """The history of the channel has been replaced: the client reconnects and is told to reload."""
        self.send_buffer.close(Close.RESTARTED, "Come back")


#: ``?since=now``: the client has missed nothing and asks for the first cursor.
NOW = "now"

#: Characters that are written at once to a client that recovers.
CHUNK = 64 * 1024


def chunks(texts: list[str]) -> Iterator[list[str]]:
    """``texts`` in order, in chunks of about ``CHUNK`` characters: what was missed may be megabytes."""
    chunk: list[str] = []
    size = 0
    for text in texts:
        if chunk and size + len(text) > CHUNK:
            yield chunk
            chunk, size = [], 0
        chunk.append(text)
        size += len(text)
    if chunk:
        yield chunk


def is_restart(disconnect: Mapping[str, Any]) -> bool:
    """Whether a connection ended because this server stops.

    A client may close with that code too, and would then stay in the presence lists for good: its close has a reason
    (an empty one mostly), that of the server has none.
    """
    return disconnect.get("code") == Close.SERVER_STOPS and "reason" not in disconnect


def text_of(text: str | None) -> str:
    """The ``message`` of a client's frame ``{"message": "…"}``.

    Raises:
        BadMessage: binary, not JSON, not an object; ``message`` missing, no string, blank or over 4,000 characters.
    """
    if text is None:
        raise BadMessage("binary_not_supported", _("Send text frames with JSON, not binary ones"))
    try:
        frame = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise BadMessage("invalid_json", _("This is not JSON")) from None
    return message_in(frame)


def message_in(frame: object) -> str:
    """The ``message`` of decoded JSON; see :func:`text_of`."""
    if not isinstance(frame, dict):
        raise BadMessage("not_an_object", _('Send a JSON object like {"message": "…"}'))
    message = frame.get("message")
    if message is None:
        raise BadMessage("message_required", _("The message is missing"))
    if not isinstance(message, str):
        raise BadMessage("message_not_text", _("The message must be text"))
    if not is_visible(message):
        raise BadMessage("message_required", _("The message is empty"))
    if len(message) > MESSAGE_LIMIT:
        raise BadMessage("message_too_long", _("The message is longer than 4,000 characters"))
    if not is_storable(message):
        raise BadMessage("message_not_text", _("The message has characters that cannot be stored"))
    return message
