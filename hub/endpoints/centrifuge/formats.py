"""The forms of the client protocol: JSON is spoken here, Protobuf is not."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

#: What a client names as the subprotocol of a WebSocket, and parameters by which it says the same in the URL.
SUBPROTOCOL = "centrifuge-protobuf"
PARAMETERS = frozenset({"format", "cf_protocol", "protocol"})
CONTENT_TYPE = b"application/octet-stream"

#: Why such a client is refused, before it is connected: it would wait for an answer that it can read, and try again.
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
