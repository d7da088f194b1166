"""``history`` and ``history_remove``: what a channel keeps."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hub.api.connections import ApiStreamPosition, EmptyResult
from hub.api.errors import ApiError, Code
from hub.api.method import ApiCall, Method, register
from hub.database.threads import in_database_thread
from hub.streams import Envelope, Position, history
from hub.streams.history import PAGE_LIMIT, NotKept

_LIMIT = Meta(
    description=f"Publications at most; 0, or without it, only where the channel stands. Never over {PAGE_LIMIT}."
)
_SINCE = Meta(description="What follows this place; in reverse, what is before it.")


class HistoryRequest(msgspec.Struct, kw_only=True):
    """Read what a channel keeps."""

    channel: str = ""
    limit: Annotated[int | None, _LIMIT] = None
    since: Annotated[ApiStreamPosition | None, _SINCE] = None
    reverse: Annotated[bool | None, Meta(description="Newest first.")] = None


class HistoryRemoveRequest(msgspec.Struct, kw_only=True):
    """Delete what a channel keeps."""

    channel: str = ""


class ApiPublication(msgspec.Struct):
    """One publication of the channel."""

    offset: int
    data: msgspec.Raw
    #: The client that published it; nothing where it was not a client.
    info: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    tags: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class ApiHistoryResult(msgspec.Struct):
    """A part of the history without gaps, and where the channel stands."""

    publications: list[ApiPublication]
    offset: int
    epoch: str


async def read(call: ApiCall[HistoryRequest]) -> ApiHistoryResult:
    """A page of it."""
    request = call.request
    _durable(call, request.channel)
    since = request.since
    if since is not None and request.reverse and not since.offset:
        raise ApiError(Code.BAD_REQUEST, "nothing is before offset 0")
    try:
        page = await in_database_thread(
            history.page,
            request.channel,
            limit=request.limit or 0,
            since=Position(since.epoch, since.offset) if since else None,
            reverse=bool(request.reverse),
        )
    except NotKept:
        raise ApiError(Code.UNRECOVERABLE_POSITION) from None
    return ApiHistoryResult([_publication(item) for item in page.envelopes], page.position.offset, page.position.epoch)


async def remove(call: ApiCall[HistoryRemoveRequest]) -> EmptyResult:
    """All of it."""
    _durable(call, call.request.channel)
    await in_database_thread(history.remove, call.request.channel)
    return EmptyResult()


def _publication(item: Envelope) -> ApiPublication:
    info = msgspec.Raw(item.info.encode()) if item.info else msgspec.UNSET
    tags = msgspec.Raw(item.tags.encode()) if item.tags else msgspec.UNSET
    return ApiPublication(item.offset, msgspec.Raw(item.data.encode()), info, tags)


def _durable(call: ApiCall[HistoryRequest] | ApiCall[HistoryRemoveRequest], channel: str) -> None:
    if not call.channel(channel).durable:
        raise ApiError(Code.NOT_AVAILABLE, "the channel keeps no history")


register(
    Method(
        "history",
        HistoryRequest,
        ApiHistoryResult,
        read,
        "Read what a channel keeps.",
        {"channel": "room:7", "limit": 10},
    )
)
register(
    Method(
        "history_remove",
        HistoryRemoveRequest,
        EmptyResult,
        remove,
        "Delete what a channel keeps. Clients that are behind reload.",
        {"channel": "room:7"},
    )
)
