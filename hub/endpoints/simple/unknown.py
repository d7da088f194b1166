"""What stands behind every socket URL that no app has a door for."""

from collections.abc import Iterable

from hub.endpoints.simple.codes import Close, Refused
from hub.endpoints.simple.endpoint import Door
from hub.fanout.feed import Shape


class UnknownDoor(Door):
    """Refuses with *not found*, so that the client does not come back and no log fills with errors."""

    name = "unknown"

    async def authorise(self) -> Iterable[tuple[str, Shape]]:
        raise Refused(Close.NOT_FOUND, "No such socket")
