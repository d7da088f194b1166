"""The endpoint of every WebSocket URL that no app serves."""

from collections.abc import Iterable

from hub.endpoints.simple.codes import Close, Rejected
from hub.endpoints.simple.endpoint import SimpleEndpoint
from hub.fanout.local_channel import Encoder


class UnknownEndpoint(SimpleEndpoint):
    """Rejects with *not found*, so that the client does not reconnect and the log stays free of errors."""

    name = "unknown"

    async def authorise(self) -> Iterable[tuple[str, Encoder]]:
        raise Rejected(Close.NOT_FOUND, "No such socket")
