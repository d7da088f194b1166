"""The two forms of the client protocol: JSON, and on WebSockets Protobuf."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from hub.endpoints.centrifuge import encoder, messages, protobuf
from hub.endpoints.centrifuge.messages import Command, Push, Reply
from hub.fanout.frames import Frame, FrameBatch
from hub.fanout.local_channel import Encoder
from hub.ops import metrics
from hub.streams import Envelope
from hub.transports.http_stream import short_answer

#: How a client asks for a form: the subprotocol of a WebSocket, and parameters of the URL.
JSON_SUBPROTOCOL, SUBPROTOCOL = "centrifuge-json", "centrifuge-protobuf"
PARAMETERS = frozenset({"format", "cf_protocol", "protocol"})
CONTENT_TYPE = b"application/octet-stream"

#: The answer over HTTP to a client that asks for Protobuf, which would wait for a reply in its form, and retry.
SENTENCE = "Over HTTP this hub speaks the JSON form of the client protocol only. Choose JSON, or a WebSocket."


@dataclass(frozen=True, slots=True)
class Format:
    """One form of the protocol: the same messages, read and written in another way.

    Args:
        commands_in: the commands of a frame, read one by one; raises ``Malformed`` at what is none.
        frame_of: the frame of a reply or push, from its JSON form.
        join: several frames as one.
        push, push_with_join_leave: the encoders of publications, for clients without and with join and leave messages.
        ping: what clients answer.
    """

    commands_in: Callable[[str | bytes], Iterator[Command]]
    frame_of: Callable[[str], Frame]
    join: Callable[[Sequence[Any]], Frame]
    push: Encoder
    push_with_join_leave: Encoder
    ping: FrameBatch

    def message(self, said: Reply | Push) -> Frame:
        """The frame of a reply or push."""
        return self.frame_of(messages.text_of(said))

    def encoder_for(self, *, join_leave: bool) -> Encoder:
        """The encoder for a client that wants join and leave messages, or does not."""
        return self.push_with_join_leave if join_leave else self.push


def _same(text: str) -> Frame:
    return text


def _push_in_protobuf(item: Envelope) -> Frame | None:
    """As :func:`hub.endpoints.centrifuge.encoder.push`."""
    if item.info or item.tags or encoder.is_join_leave(item):
        text = encoder.push(item)
        return None if text is None else protobuf.frame_of(text)
    data = encoder.on_one_line(item.data)
    return None if data is None else protobuf.push_of(item.channel, data, item.offset)


def _push_with_join_leave_in_protobuf(item: Envelope) -> Frame | None:
    """As :func:`hub.endpoints.centrifuge.encoder.push_with_join_leave`."""
    if not encoder.is_join_leave(item):
        return _push_in_protobuf(item)
    text = encoder.push_with_join_leave(item)
    return None if text is None else protobuf.frame_of(text)


JSON = Format(
    commands_in=messages.commands_in,
    frame_of=_same,
    join="\n".join,
    push=encoder.push,
    push_with_join_leave=encoder.push_with_join_leave,
    ping=FrameBatch([messages.PING]),
)

PROTOBUF = Format(
    commands_in=protobuf.commands_in,
    frame_of=protobuf.frame_of,
    join=b"".join,
    push=_push_in_protobuf,
    push_with_join_leave=_push_with_join_leave_in_protobuf,
    ping=FrameBatch([protobuf.PING]),
)


def wants_protobuf(scope: Mapping[str, Any]) -> bool:
    """Whether a client asks for Protobuf; one that offers JSON as well gets that."""
    offered = scope.get("subprotocols", ())
    if JSON_SUBPROTOCOL in offered:
        return False
    if SUBPROTOCOL in offered:
        return True
    query = parse_qsl(scope["query_string"].decode("latin-1"))
    if any(name in PARAMETERS and value == "protobuf" for name, value in query):
        return True
    content_type: bytes = dict(scope["headers"]).get(b"content-type", b"")
    return content_type.startswith(CONTENT_TYPE)


async def refused(scope: Mapping[str, Any], send: Any) -> bool:
    """Whether a client asks for Protobuf over HTTP; it has been told then that this is for WebSockets."""
    if not wants_protobuf(scope):
        return False
    metrics.CLOSED.labels("protobuf").inc()
    await short_answer(send, 400, SENTENCE)
    return True
