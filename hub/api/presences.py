"""``presence`` and ``presence_stats``: who is there.

Each client connection is listed by its id, and a user of other endpoints once. While
Redis is away, the guests of other web processes are missing from the list, not from the numbers.
"""

from typing import TypeVar

import msgspec

from hub.api.errors import ApiError, Code
from hub.api.method import ApiCall, Method, register
from hub.session import connection_presence


class PresenceRequest(msgspec.Struct, kw_only=True):
    """Who is at a channel."""

    channel: str = ""


class PresenceStatsRequest(PresenceRequest, kw_only=True):
    """How many are at a channel."""


class Present(msgspec.Struct):
    """Somebody who is there; ``user`` is empty for guests.

    ``conn_info`` is what others are told of them, ``chan_info`` what they are told in this channel besides.
    """

    client: str
    user: str
    conn_info: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    chan_info: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class ApiPresenceResult(msgspec.Struct):
    """Everybody who is there, by the id of the connection."""

    presence: dict[str, Present]


class ApiPresenceStatsResult(msgspec.Struct):
    """How many connections, and how many people: a user is one on all their connections, a guest one on each."""

    num_clients: int
    num_users: int


AnyPresence = TypeVar("AnyPresence", bound=PresenceRequest)


async def read(call: ApiCall[PresenceRequest]) -> ApiPresenceResult:
    """Everybody."""
    found = await connection_presence.clients_at(_channel(call))
    return ApiPresenceResult(
        {name: Present(info.client, info.user, info.conn_info, info.chan_info) for name, info in found.items()}
    )


async def count(call: ApiCall[PresenceStatsRequest]) -> ApiPresenceStatsResult:
    """Their number."""
    connections, people = await connection_presence.count_at(_channel(call))
    return ApiPresenceStatsResult(connections, people)


def _channel(call: ApiCall[AnyPresence]) -> str:
    if not call.channel(call.request.channel).presence:
        raise ApiError(Code.NOT_AVAILABLE, "the channel has no presence")
    return call.request.channel


register(Method("presence", PresenceRequest, ApiPresenceResult, read, "Who is at a channel.", {"channel": "room:7"}))
register(
    Method(
        "presence_stats",
        PresenceStatsRequest,
        ApiPresenceStatsResult,
        count,
        "How many are at a channel.",
        {"channel": "room:7"},
    )
)
