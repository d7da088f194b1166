"""One connected client, whatever it speaks: who it is, its subscriptions, permissions, limits, presence, and its end.

``session`` is the base of every endpoint's session, ``subscriptions`` what it is subscribed to,
``connection_presence`` who is at a channel over all endpoints, ``server_side`` the channels that the hub subscribes a
client to; ``methods``, ``rpc_over_http`` and ``client_messages`` pass what clients ask for to the apps.
"""

from hub.session.client_messages import receives
from hub.session.connection_survey import OpenConnection, aopen_connections, open_connections
from hub.session.methods import Nothing, RpcCall, RpcError, StreamPosition, rpc
from hub.session.rpc_over_http import answer
from hub.session.server_side import register

__all__ = [
    "Nothing",
    "OpenConnection",
    "RpcCall",
    "RpcError",
    "StreamPosition",
    "answer",
    "aopen_connections",
    "open_connections",
    "receives",
    "register",
    "rpc",
]
