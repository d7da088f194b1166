"""``publish`` and ``broadcast``: what a reply without an error names is stored."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from django.db import Error as DatabaseFault
from msgspec import UNSET, Meta

from hub.api.errors import ApiError, Code, ErrorBody
from hub.api.method import ApiCall, Method, register
from hub.api.payload import payload
from hub.channels import namespace_of
from hub.characters import is_storable
from hub.database.threads import in_database_thread
from hub.publishing import publish_ephemeral, publish_many, release
from hub.publishing.idempotency import KEY_LIMIT, publish_once
from hub.streams import Position, history
from hub.validation import tags

#: Channels of one broadcast.
CHANNELS_LIMIT = 1000

_DATA = Meta(description="The publication: any JSON, at most 64 KiB.")
_B64 = Meta(description="The same JSON in base64, instead of `data`.")
_LIVE = Meta(description="Send it to those who are connected now, without storing it.")
_KEY = Meta(description=f"At most {KEY_LIMIT} characters. A channel takes a key once, within a week at least.")

_TAGS = Meta(
    description=f"Texts by name that go with the publication: at most {tags.NUMBER_LIMIT}, names of at most "
    f"{tags.NAME_LIMIT} and values of at most {tags.VALUE_LIMIT} characters."
)


class _Options(msgspec.Struct, kw_only=True):
    b64data: Annotated[str | None, _B64] = None
    skip_history: Annotated[bool | None, _LIVE] = None
    idempotency_key: Annotated[str | None, _KEY] = None
    tags: Annotated[dict[str, str] | None, _TAGS] = None
    #: What the hub's publications do not have. Refused instead of dropped, because something would be missing.
    version: int | None = None

    def check(self) -> None:
        if self.version:
            raise ApiError(Code.NOT_AVAILABLE, "publications of this hub have no version")
        try:
            tags.encode(self.tags)
        except tags.BadTags as error:
            raise ApiError(Code.BAD_REQUEST, str(error)) from None
        key = self.idempotency_key
        if key and (len(key) > KEY_LIMIT or not is_storable(key)):
            raise ApiError(Code.BAD_REQUEST, f"idempotency_key is text of at most {KEY_LIMIT} characters")


class PublishRequest(_Options, kw_only=True):
    """Publish into one channel."""

    channel: str = ""
    data: Annotated[Any, _DATA] = UNSET


class BroadcastRequest(_Options, kw_only=True):
    """Publish the same into many channels, in one transaction."""

    channels: Annotated[list[str], Meta(description=f"At most {CHANNELS_LIMIT}.")] = []
    data: Annotated[Any, _DATA] = UNSET


class PublishResult(msgspec.Struct, omit_defaults=True):
    """Where the publication stands in its channel; nothing of both where it was not stored.

    Both are also missing where it is stored and not numbered yet, and where the key was used before and its
    publication is no longer kept.
    """

    offset: int = 0
    epoch: str = ""


class PublishReply(msgspec.Struct, omit_defaults=True):
    """One channel of a broadcast: ``result`` or ``error``."""

    result: PublishResult | None = None
    error: ErrorBody | None = None


class BroadcastResult(msgspec.Struct):
    """One reply for each channel, in the order of the request."""

    responses: list[PublishReply]


async def publish(call: ApiCall[PublishRequest]) -> PublishResult:
    """One publication."""
    request = call.request
    request.check()
    is_live = not call.channel(request.channel).durable or bool(request.skip_history)
    data = payload(request.data, request.b64data)
    if is_live and not request.idempotency_key:
        publish_ephemeral(request.channel, data, tags=request.tags)
        return PublishResult()
    (position,) = await in_database_thread(_publish, [request.channel], data, request)
    return _result(position)


async def broadcast(call: ApiCall[BroadcastRequest]) -> BroadcastResult:
    """The same publication in each channel that it may go to; the others' replies say why not."""
    request = call.request
    request.check()
    if not request.channels:
        raise ApiError(Code.BAD_REQUEST, "channels are missing")
    if len(request.channels) > CHANNELS_LIMIT:
        raise ApiError(Code.LIMIT_EXCEEDED, f"a broadcast has {CHANNELS_LIMIT} channels at most")
    data = payload(request.data, request.b64data)
    errors = [_error(call, channel) for channel in request.channels]
    allowed = [channel for channel, error in zip(request.channels, errors, strict=True) if error is None]
    positions = iter(await in_database_thread(_publish, allowed, data, request) if allowed else ())
    return BroadcastResult(
        [PublishReply(error=error) if error else PublishReply(result=_result(next(positions))) for error in errors]
    )


def _error(call: ApiCall[BroadcastRequest], channel: str) -> ErrorBody | None:
    """Why nothing is published to this channel."""
    try:
        call.channel(channel)
    except ApiError as refused:
        return refused.error
    return None


def _publish(channels: Sequence[str], data: msgspec.Raw, request: _Options) -> list[Position | None]:
    """Publish in one transaction; returns where it stands in each channel, where that is known."""
    is_live = bool(request.skip_history)
    numbers: list[int | None]
    if request.idempotency_key:
        ids = publish_once(request.idempotency_key, dict.fromkeys(channels, data), live=is_live, tags=request.tags)
        numbers = [ids[channel] for channel in channels]
        _number(ids)
    else:
        stored = [not is_live and namespace_of(channel).durable for channel in channels]
        rows = iter(
            publish_many(
                ((channel, data) for channel, durable in zip(channels, stored, strict=True) if durable),
                tags=request.tags,
            )
        )
        numbers = [next(rows).pk if durable else None for durable in stored]
        for channel, durable in zip(channels, stored, strict=True):
            if not durable:
                publish_ephemeral(channel, data, tags=request.tags)
    places = history.places(number for number in numbers if number is not None)
    return [places.get(number) if number is not None else None for number in numbers]


def _number(ids: Mapping[str, int | None]) -> None:
    """Number what another call has stored under the same key and is about to number itself."""
    if pending := history.pending(number for number in ids.values() if number is not None):
        with contextlib.suppress(DatabaseFault):  # it is stored: whoever is next in the channel numbers it
            release(pending)


def _result(position: Position | None) -> PublishResult:
    return PublishResult(position.offset, position.epoch) if position else PublishResult()


register(
    Method(
        "publish",
        PublishRequest,
        PublishResult,
        publish,
        "Publish into one channel.",
        {
            "channel": "user:42",
            "data": {"type": "shop.order_shipped", "order": 7},
            "idempotency_key": "shipped:7",
        },
    )
)
register(
    Method(
        "broadcast",
        BroadcastRequest,
        BroadcastResult,
        broadcast,
        "Publish the same into many channels, in one transaction.",
        {"channels": ["user:42", "user:43"], "data": {"type": "shop.sale_began"}},
    )
)
