"""Formats of the client protocol: the hub supports JSON, not Protobuf."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from hub.ops import metrics
from hub.transports.http_stream import short_answer
from hub.transports.refusal import refuse_handshake

#: How a client asks for Protobuf: the subprotocol of a WebSocket, and parameters of the URL.
SUBPROTOCOL = "centrifuge-protobuf"
PARAMETERS = frozenset({"format", "cf_protocol", "protocol"})
CONTENT_TYPE = b"application/octet-stream"

#: The answer to such a client, before the handshake: otherwise it would wait for a reply in its format, and retry.
SENTENCE = "This hub speaks the JSON form of the client protocol only, not Protobuf. Choose JSON in the client."


def wants_protobuf(scope: Mapping[str, Any]) -> bool:
    """Whether a client asks for Protobuf, and for nothing else."""
    offered = scope.get("subprotocols", ())
    if SUBPROTOCOL in offered:
        return len(offered) == 1
    query = parse_qsl(scope["query_string"].decode("latin-1"))
    if any(name in PARAMETERS and value == "protobuf" for name, value in query):
        return True
    content_type: bytes = dict(scope["headers"]).get(b"content-type", b"")
    return content_type.startswith(CONTENT_TYPE)


async def refused(scope: Mapping[str, Any], send: Any) -> bool:
    """Whether a client asks for Protobuf; it has been told then that the hub does not support it."""
    if not wants_protobuf(scope):
        return False
    metrics.CLOSED.labels("protobuf").inc()
    if scope["type"] == "websocket":
        await refuse_handshake(scope, send, 400, SENTENCE)
    else:
        await short_answer(send, 400, SENTENCE)
    return True
