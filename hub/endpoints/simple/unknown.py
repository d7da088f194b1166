"""What stands behind every socket URL that no app has a door for."""

from collections.abc import Iterable

from hub.endpoints.simple.codes import Close, Rejected
from hub.endpoints.simple.endpoint import SimpleEndpoint
from hub.fanout.local_channel import Encoder


class UnknownEndpoint(SimpleEndpoint):
    """Refuses with *not found*, so that the client does not come back and no log fills with errors."""

    name = "unknown"

    async def authorise(self) -> Iterable[tuple[str, Encoder]]:
        raise Rejected(Close.NOT_FOUND, "No such socket")
