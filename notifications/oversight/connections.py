"""To which of a person's connections a notification was sent live, as far as they are still open.

A web process knows where each of its connections began in a channel and how far it has sent that: what has a number in
between went to this connection as it came. That costs nothing before somebody asks, and cannot be known of connections
that have ended; of those, the person's changes say what they did with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.session import OpenConnection
from notifications.oversight.reports import PlaceInChannel


@dataclass(frozen=True, slots=True)
class Reached:
    """What a connection has of a notification.

    Args:
        how: ``live``: it was sent as it came; ``before``: it came before the connection subscribed, which had it by
            recovery or in a list, if at all; ``waiting``: it is still to be sent; ``unknown``: its place in the
            history is not known any more; ``none``: the connection is not subscribed to its channel.
    """

    connection: OpenConnection
    how: str


def reached(connections: Iterable[OpenConnection], sent: PlaceInChannel) -> list[Reached]:
    """What each of these connections, which were asked about the channel of ``sent``, has of it."""
    return [Reached(one, _how(one, sent)) for one in connections]


def _how(connection: OpenConnection, sent: PlaceInChannel) -> str:
    standing = connection.channels.get(sent.channel)
    if standing is None:
        return "none"
    if not sent.offset:
        return "unknown"
    if sent.offset <= standing.start:
        return "before"
    return "live" if sent.offset <= standing.last else "waiting"
