"""``/emulation``: commands of clients whose connection is an HTTP stream from the server.

The client names the web process of its stream (``node``) and its session there (``session``, a secret). A balancer may
send the request to any web process, which forwards it over the channel layer.
"""

import asyncio
import contextlib
from collections import Counter
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hub import limits
from hub.access import origin
from hub.access.reasons import End
from hub.bus.announcer import announce
from hub.channels import Namespace, register
from hub.concurrency import node
from hub.concurrency.node import Part
from hub.concurrency.tasks import Tasks
from hub.config import hub_settings
from hub.endpoints.centrifuge import sessions
from hub.fanout import relay
from hub.fanout.inbox import Inbox
from hub.limits.connections import Rates
from hub.ops import gauges
from hub.streams import Envelope
from hub.transports.http_stream import TooLong, body_of, short_answer

NODES = register(Namespace("node", durable=False, internal=True, pattern="<str:id>"))


class Emulated(msgspec.Struct):
    """The body of a request. ``data`` is a frame of commands."""

    session: Annotated[str, Meta(min_length=1, max_length=64)]
    node: Annotated[str, Meta(pattern=r"\A[0-9a-f]{1,32}\Z")]
    data: str


_decoder = msgspec.json.Decoder(Emulated)

#: Bytes of the body besides the frame.
ENVELOPE = 1024

#: Requests of one session that may wait at the same time, as while the database hangs.
UNDER_WAY = 64

_under_way: Counter[str] = Counter()

#: The requests of each session that this process has passed on to another one.
_forwarded = Rates()

gauges.queue("emulation", _under_way.total)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for ``/emulation``."""
    if not origin.may_open(scope):
        await short_answer(send, End.FORBIDDEN.status, End.FORBIDDEN.text)
    elif scope["method"] != "POST":
        await short_answer(send, 405, "POST commands")
    else:
        with contextlib.suppress(ConnectionResetError):  # the client disconnected while it was sending
            await short_answer(send, await _take(receive))


async def _take(receive: Any) -> int:
    """Carry out or forward the commands of a request; returns the status of the answer."""
    try:
        # In the envelope each quotation mark of the frame, and each backslash, has become two characters.
        request = _decoder.decode(await body_of(receive, 2 * hub_settings().max_frame + ENVELOPE))
    except TooLong:
        return 413
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return 400
    if request.node == node.current().id:
        return await _carry_out(request)
    settings = hub_settings()
    # Whoever sends so fast is ended there, and must not take the way of what is published.
    if not sessions.is_ours(request.session):
        return 204
    if _forwarded.take(request.session, settings.frame_rate, settings.frame_burst):
        limits.count_refusal("frames")
        return 429
    # Not published: a frame may be longer than a publication, and the process of the stream checks it.
    announce([Envelope(f"{NODES.name}:{request.node}", "", 0, msgspec.json.encode(request).decode())])
    return 204


async def _carry_out(request: Emulated) -> int:
    client = sessions.find(request.session)
    if client is None:
        return 204  # the end of its stream tells the client
    if _under_way[request.session] >= UNDER_WAY:
        client.end(End.TOO_FAST)
        return 204
    _under_way[request.session] += 1
    try:
        # As bytes, whose number is limited as on a WebSocket.
        await client.receive(request.data.encode(errors="surrogatepass"))
    finally:
        _under_way[request.session] -= 1
        if not _under_way[request.session]:
            del _under_way[request.session]
    return 204


class CommandReceiver:
    """Receives forwarded commands on the channel of this process. One for each event loop."""

    def __init__(self) -> None:
        self._tasks = Tasks()
        self._inbox = Inbox(f"{NODES.name}:{node.current().id}", self._handle, event="emulation_not_subscribed")

    async def ready(self) -> None:
        """Return when other processes can reach this one."""
        await self._inbox.ready()

    async def close(self) -> None:
        """Stop receiving."""
        await asyncio.gather(self._inbox.close(), self._tasks.close())

    def _handle(self, text: str) -> None:
        with contextlib.suppress(msgspec.MsgspecError, RecursionError):
            self._tasks.start(_carry_out_forwarded(_decoder.decode(text)))


async def _carry_out_forwarded(request: Emulated) -> None:
    await _carry_out(request)


#: The one of the running event loop.
current = Part(CommandReceiver, uses=[relay.current])
