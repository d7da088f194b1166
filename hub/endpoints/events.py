"""``/events?channel=…&channel=…``: channels as an event stream, for ``EventSource`` and ``curl -N``.

Each event is one publication, ``{"channel": …, "data": …, "offset": …}``. Its ``id`` is a cursor of all channels, and
browsers send it as ``Last-Event-ID`` when they reconnect. The first event is ``open``: it says whether publications
were recovered, and has the first cursor.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog
from django.contrib.auth.models import AnonymousUser, User
from django.db import Error as DatabaseFault
from msgspec import UNSET

from hub.access import registry, revalidation
from hub.access.control import ControlMessage, DisconnectUser
from hub.channels import UnknownChannel, find
from hub.concurrency.faults import described
from hub.config import hub_settings
from hub.endpoints.centrifuge import authentication, commands, encoder, keepalive
from hub.endpoints.centrifuge.codes import Disconnected, Ended, Error, Failed
from hub.endpoints.centrifuge.http_stream import HttpStream, authenticated_only, short_answer
from hub.endpoints.centrifuge.messages import Json
from hub.endpoints.centrifuge.rules import allows
from hub.fanout import recovery, relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import Subscription, texts_of
from hub.limits import connections
from hub.ops import metrics
from hub.streams import Envelope, Position, cursors

log = structlog.get_logger(__name__)

LAST_EVENT_ID = b"last-event-id"


def _event_of(item: Envelope) -> str | None:
    """Offset, epoch and JSON of an event, for :meth:`_Channel.write` to take apart."""
    text = encoder.publication(item)
    if text is None or (not item.offset and encoder.is_join_leave(item)):
        return None
    return f'{item.offset} {item.epoch} {{"channel":"{item.channel}",{text[1:]}'


def _as_it_is(texts: Sequence[str]) -> bytes:
    return "".join(texts).encode()


class _Channel:
    """The subscriber of one channel of an event stream."""

    raw = None

    def __init__(self, endpoint: "EventStream", name: str) -> None:
        self.endpoint = endpoint
        self.name = name

    def write(self, block: FrameBatch) -> None:
        """Write publications from the relay."""
        self.endpoint.publish(self.name, block.texts)

    def restart(self) -> None:
        """The history of the channel has been replaced: the client reconnects and is told to reload."""
        self.endpoint.end()


class EventStream:
    """One client of ``/events``."""

    def __init__(self, authenticated: authentication.Authenticated) -> None:
        self.user: User | AnonymousUser = authenticated.user or AnonymousUser()
        self.credential = authenticated.credential
        self.address = authenticated.address
        self.given_info: Json = UNSET
        self.claimed_channels: list[str] = []
        self.client = secrets.token_hex(12)
        #: Event streams do not answer pings.
        self.ponged = True
        self.stream = HttpStream(_as_it_is, self.cut)
        self._positions: dict[str, Position] = {}
        self._subscriptions: list[Subscription] = []
        self._timer: asyncio.TimerHandle | None = None
        #: A further user among whose connections this one is counted: the one of a signed token.
        self.counted: int | None = None

    async def subscribe(self, channels: Sequence[str], since: Mapping[str, Position] | None) -> None:
        """Subscribe to the channels, and write what was missed since then: everything, or nothing.

        Raises:
            UnknownChannel: clients have no channel of that name.
            Failed: the user may not subscribe to it.
            django.db.Error: the position of a channel cannot be read.
        """
        for channel in channels:
            namespace, arguments = find(channel)
            if not await allows(namespace.can_subscribe, self.user, arguments):
                raise Failed(Error.PERMISSION_DENIED)
        for channel in channels:
            self._subscriptions.append(await relay.current().subscribe(channel, _Channel(self, channel), _event_of))
        self._positions = {joined.local_channel.channel: joined.start for joined in self._subscriptions}
        missed = await self._missed(since) if since is not None else []
        whole = missed is not None
        opened = msgspec.json.encode({"recovered": whole} if since is not None else {}).decode()
        if since is not None and missed is not None:
            self._positions = {channel: since.get(channel, Position()) for channel in channels}
        self.stream.write(FrameBatch([f"event: open\nid: {self._cursor()}\ndata: {opened}\n\n"]))
        for channel, items in missed or ():
            await self.stream.answer("".join(self._framed(channel, texts_of(_event_of, items))))
        for joined in self._subscriptions:
            joined.release()

    async def _missed(self, since: Mapping[str, Position]) -> list[tuple[str, list[Envelope]]] | None:
        """What was missed, by channel; None if not everything can be recovered, or it is too much for one answer."""
        found: list[tuple[str, list[Envelope]]] = []
        size = 0
        for joined in self._subscriptions:
            channel = joined.local_channel.channel
            if not find(channel)[0].durable:
                continue
            items = await recovery.missed(joined, since[channel]) if channel in since else None
            if items is None:
                return None
            size += sum(item.size for item in items)
            if size > hub_settings().recovery_bytes:
                return None
            found.append((channel, items))
        return found

    def publish(self, channel: str, texts: Sequence[str]) -> None:
        """Write publications of a channel, each with the cursor behind it."""
        if framed := self._framed(channel, texts):
            self.stream.write(FrameBatch(framed))

    def _framed(self, channel: str, texts: Sequence[str]) -> list[str]:
        framed = []
        for text in texts:
            offset, epoch, data = text.split(" ", 2)
            if offset != "0":
                self._positions[channel] = Position(epoch, int(offset))
                framed.append(f"id: {self._cursor()}\ndata: {data}\n\n")
            else:
                framed.append(f"data: {data}\n\n")
        return framed

    def _cursor(self) -> str:
        durable = ((channel, position) for channel, position in self._positions.items() if find(channel)[0].durable)
        return cursors.join(durable)

    def ping(self) -> None:
        """Write a comment, so that nothing on the way takes the response for dead."""
        self.stream.write(FrameBatch([":\n\n"]))

    def end(self, reason: Disconnected = Disconnected.CLOSED) -> None:
        """End the response: the client comes back by itself. Only the first call counts."""
        if not self.stream.has_ended:
            metrics.CLOSED.labels(str(int(reason))).inc()
            self.stream.end()

    def expire_at(self, moment: float) -> None:
        """End the response at ``moment``, in seconds since 1970."""
        delay = max(0.0, moment - time.time())
        self._timer = asyncio.get_running_loop().call_later(delay, self.end, Disconnected.EXPIRED)

    def cut(self) -> None:
        """Nothing is to be written any more. May be repeated."""
        if self._timer is not None:
            self._timer.cancel()
        registry.current().remove(self)
        keepalive.current().remove(self)
        for joined in self._subscriptions:
            relay.current().unsubscribe(joined)

    # --- hub.access.registry.OpenSocket ---------------------------------------------------------------------------

    def receives(self, channel: str) -> bool:
        """Whether the client receives what is published in ``channel``."""
        return channel in self._positions

    def stop(self) -> None:
        """This server stops: the client reconnects, here or elsewhere."""
        self.end()

    def handle(self, message: ControlMessage) -> None:
        """Event streams handle one control message only: disconnect."""
        if isinstance(message, DisconnectUser):
            self.end()

    async def revalidate(self, user: User | AnonymousUser | None) -> None:
        """End the stream if the user may not receive one of its channels any more: the next attempt is told why."""
        if user is not None:
            self.user = user
            for channel in list(self._positions):
                namespace, arguments = find(channel)
                if not await allows(namespace.can_subscribe, user, arguments):
                    break
            else:
                return
        self.end()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for ``/events``."""
    if scope["method"] != "GET":
        await short_answer(send, 405, "GET with ?channel=")
        return
    await authenticated_only(scope, receive, send, _serve)


async def _serve(scope: dict[str, Any], receive: Any, send: Any, authenticated: authentication.Authenticated) -> None:
    channels = list(dict.fromkeys(parse_qs(scope["query_string"].decode("ascii", "replace")).get("channel", ())))
    if not 0 < len(channels) <= hub_settings().subscriptions_per_socket:
        await short_answer(send, 400, "Name one channel or more: /events?channel=everyone")
        return
    cursor = dict(scope["headers"]).get(LAST_EVENT_ID, b"").decode("latin-1")
    events = EventStream(authenticated)
    try:
        refusal = await _open(events, channels, cursor, authenticated)
        if refusal is not None:
            await short_answer(send, *refusal)
            return
        if not events.stream.has_ended:
            revalidation.current().register(events)
            keepalive.current().add(events)
        with metrics.SOCKETS.labels("events").track_inprogress():
            await events.stream.run(scope, send, receive, b"text/event-stream")
    finally:
        events.stream.end()
        events.cut()  # it may have ended before it was subscribed
        connections.connections.leave(None, events.counted)


async def _open(
    events: EventStream, channels: Sequence[str], cursor: str, authenticated: authentication.Authenticated
) -> tuple[int, str] | None:
    """Authenticate and subscribe; returns status and text of an error."""
    try:
        since = cursors.parse(cursor) if cursor else None
    except cursors.NotACursor:
        since = {}  # nothing can be recovered, and the client is told so
    try:
        expires = await commands.authenticate(events, "", authenticated)
        if events.user != authenticated.user:
            if not connections.connections.enter(None, events.user.pk):
                return 429, "Too many connections"
            events.counted = events.user.pk
        if expires is not None:
            events.expire_at(expires)
        await events.subscribe(channels, since)
    except (Ended, Failed) as error:
        is_forbidden = isinstance(error, Failed) and error.error is Error.PERMISSION_DENIED
        return (403, "You may not follow this") if is_forbidden else (401, "The token is not valid")
    except UnknownChannel:
        return 404, "There is no such channel"
    except DatabaseFault as error:
        log.error("events_failed", **described(error))  # noqa: TRY400  # a traceback where it says more
        return 503, "Try again"
    return None
