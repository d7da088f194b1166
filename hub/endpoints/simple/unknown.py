"""The endpoint of every WebSocket URL that no app serves."""

from hub.access.reasons import End, Ended
from hub.endpoints.simple.endpoint import Channels, SimpleEndpoint


class UnknownEndpoint(SimpleEndpoint):
    """Rejects with *not found*, so that the client does not reconnect and the log stays free of errors."""

    name = "unknown"

    async def authorise(self) -> Channels:
        raise Ended(End.NOT_FOUND)
