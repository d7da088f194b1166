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
from django.db import Error as DatabaseFault

from hub.access import authentication, revalidation
from hub.access.authentication import Authenticated
from hub.access.reasons import End, Ended, Error, Failed
from hub.channels import UnknownChannel, allows, find
from hub.concurrency.faults import cause, described
from hub.config import hub_settings
from hub.endpoints import admission
from hub.endpoints.centrifuge import encoder, formats, keepalive
from hub.fanout import recovery
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import frames_of
from hub.limits.connections import Counted
from hub.logs import get_logger
from hub.logs.rare_log import RareLog
from hub.ops import metrics
from hub.session.session import Session
from hub.session.subscriptions import SessionSubscription
from hub.streams import Envelope, Position, cursors
from hub.transports.http_stream import HttpStream, short_answer
from hub.users import Visitor

_rare_log = RareLog(get_logger(__name__))

LAST_EVENT_ID = b"last-event-id"


def _event_of(item: Envelope) -> str | None:
    """Channel, offset, epoch and JSON of an event, for :meth:`EventStream.write` to take apart."""
    text = encoder.publication(item)
    if text is None or (not item.offset and encoder.is_join_leave(item)):
        return None
    return f'{item.channel} {item.offset} {item.epoch} {{"channel":"{item.channel}",{text[1:]}'


def _as_it_is(texts: Sequence[str]) -> bytes:
    return "".join(texts).encode()


class EventStream(Session):
    """One client of ``/events``. It is not in presence, and cannot say more than which channels it wants."""

    takes_part = False
    name = "events"

    def __init__(self, who: Authenticated) -> None:
        super().__init__(who.user, who.credential, who.language, None)  # it sends nothing that is limited
        self.client = secrets.token_hex(12)
        #: Event streams do not answer pings.
        self.ponged = True
        self.stream = HttpStream(_as_it_is, self.cut)
        self._positions: dict[str, Position] = {}
        self._timer: asyncio.TimerHandle | None = None
        if who.expires is not None:
            delay = max(0.0, who.expires - time.time())
            self._timer = asyncio.get_running_loop().call_later(delay, self.end, End.EXPIRED)

    async def subscribe(self, channels: Sequence[str], since: Mapping[str, Position] | None) -> None:
        """Subscribe to the channels, and write what was missed since then: everything, or nothing.

        Raises:
            UnknownChannel: clients have no channel of that name.
            Failed: the user may not subscribe to it.
            django.db.Error: the position of a channel cannot be read.
        """
        wanted = [SessionSubscription(self, channel, _event_of, find(channel)[0]) for channel in channels]
        if not await self._may_have(channels):
            raise Failed(Error.PERMISSION_DENIED)
        await self.open(wanted)
        self._positions = {one.channel: one.start for one in wanted if one.namespace.durable}
        missed = None
        if since is not None:
            durable = [one for one in wanted if one.namespace.durable]
            missed = await recovery.recover(durable, since)
        if since is not None and missed is not None:
            self._positions = {channel: since[channel] for channel in self._positions}
        opened = msgspec.json.encode({} if since is None else {"recovered": missed is not None}).decode()
        self.stream.write(FrameBatch([f"event: open\nid: {self._cursor()}\ndata: {opened}\n\n"]))
        if missed:
            texts = self._framed(frames_of(_event_of, (item for _, item in missed)))
            await self.stream.answer("".join(texts), self.counted_as)
        for subscription in wanted:
            subscription.go_live()

    async def _may_have(self, channels: Sequence[str]) -> bool:
        for channel in channels:
            namespace, arguments = find(channel)
            if not await allows(namespace.can_subscribe, self.user, arguments):
                return False
        return True

    def write(self, batch: FrameBatch) -> None:
        """Write publications, each with the cursor behind it."""
        self.stream.write(FrameBatch(self._framed(batch.texts)))

    def _framed(self, texts: Sequence[str]) -> list[str]:
        framed = []
        for text in texts:
            channel, offset, epoch, data = text.split(" ", 3)
            if offset != "0":
                self._positions[channel] = Position(epoch, int(offset))
                framed.append(f"id: {self._cursor()}\ndata: {data}\n\n")
            else:
                framed.append(f"data: {data}\n\n")
        return framed

    def _cursor(self) -> str:
        return cursors.join(self._positions.items())

    def ping(self) -> None:
        """Write a comment, so that nothing on the way takes the response for dead."""
        self.stream.write(FrameBatch([":\n\n"]))

    def end(self, reason: End = End.CLOSED) -> None:
        """End the response: the client comes back by itself, and the next attempt is told why."""
        if not self.has_ended:
            metrics.CLOSED.labels(str(reason.client or End.CLOSED.client)).inc()
            self.stream.end()

    def cut(self) -> None:
        """As :meth:`hub.session.session.Session.cut`."""
        if self._timer is not None:
            self._timer.cancel()
        keepalive.current().remove(self)
        super().cut()

    async def check_permissions(self, user: Visitor) -> None:
        """End the stream if the user may not receive one of its channels any more.

        Raises what a rule raises, if no other ends the stream.
        """
        wanted = {one: find(one.channel)[1] for one in self.subscriptions.values()}
        allowed, failure = await self.rules.ask(user, wanted)
        if not all(allowed.values()):
            self.end()
        elif failure is not None:
            raise failure


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for ``/events``."""
    if scope["method"] != "GET":
        await short_answer(send, 405, "GET with ?channel=")
    elif not await formats.refused(scope, send):
        await admission.over_http(scope, receive, send, _serve)


async def _serve(scope: dict[str, Any], receive: Any, send: Any, who: Authenticated, counted: Counted) -> None:
    channels = list(dict.fromkeys(parse_qs(scope["query_string"].decode("ascii", "replace")).get("channel", ())))
    if not 0 < len(channels) <= hub_settings().subscriptions_per_socket:
        await short_answer(send, 400, "Name one channel or more: /events?channel=everyone")
        return
    cursor = dict(scope["headers"]).get(LAST_EVENT_ID, b"").decode("latin-1")
    events: EventStream | None = None
    try:
        who = await authentication.by_handshake(who, counted)
        events = EventStream(who)
        await events.subscribe(channels, _since(cursor))
        if not events.has_ended:
            revalidation.current().register(events)
            keepalive.current().add(events)
        with metrics.SOCKETS.labels(EventStream.name).track_inprogress():
            await events.stream.run(scope, send, receive, b"text/event-stream")
    except Ended as refused:
        await short_answer(send, refused.reason.status, refused.reason.text)
    except Failed:
        await short_answer(send, 403, "You may not follow this")
    except UnknownChannel:
        await short_answer(send, 404, "There is no such channel")
    except DatabaseFault as error:
        _rare_log.error("events_failed", kind=cause(error), **described(error))
        await short_answer(send, End.SERVER_ERROR.status, End.SERVER_ERROR.text)
    finally:
        if events is not None:
            events.stream.end()
            await events.leave()


def _since(cursor: str) -> dict[str, Position] | None:
    try:
        return cursors.parse(cursor) if cursor else None
    except cursors.NotACursor:
        return {}  # nothing can be recovered, and the client is told so
