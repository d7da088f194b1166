"""``subscribe``, ``unsubscribe``, ``disconnect``, ``refresh``: control messages to the open connections of a user.

A reply without an error says that the message is stored. Every web process handles it within about a second, or two
without Redis.
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from hub.access import control
from hub.access.reasons import COMING_BACK
from hub.access.signed_tokens import INFO_LIMIT
from hub.api.errors import ApiError, Code
from hub.api.method import ApiCall, Method, register
from hub.api.payload import payload
from hub.database.threads import in_database_thread
from hub.publishing import PayloadTooBig
from hub.users import value_of_id
from hub.validation.numbers import LARGEST

#: Bytes of a close frame's reason.
REASON_LIMIT = 123

_USER = Meta(description="The person's id; empty for guests, who are then named by `client`.")
_CLIENT = Meta(description="The id of one connection; without it, all of the person.")

_INFO = Meta(description=f"JSON that others in the channel are told of the connections: at most {INFO_LIMIT} bytes.")


class EmptyResult(msgspec.Struct):
    """The control message is stored."""


class ApiStreamPosition(msgspec.Struct):
    """A place in a channel's history."""

    offset: Annotated[int, Meta(ge=0)] = 0
    epoch: str = ""


class _Addressed(msgspec.Struct, kw_only=True):
    user: Annotated[str, _USER] = ""
    client: Annotated[str | None, _CLIENT] = None
    #: The hub's connections have one id, which is `client`.
    session: str | None = None

    def check(self) -> None:
        if self.session:
            raise ApiError(Code.NOT_AVAILABLE, "connections of this hub are named by client, not by session")
        if not self.user and not self.client:
            raise ApiError(Code.BAD_REQUEST, "user is missing")
        if self.user and value_of_id(self.user) is None:
            raise ApiError(Code.BAD_REQUEST, "user is not the id of a user")


class SubscribeRequest(_Addressed, kw_only=True):
    """Subscribe a person's connections to a channel."""

    channel: str = ""
    recover_since: ApiStreamPosition | None = None
    info: Annotated[Any, Meta(description=f"JSON that others are told of it there: at most {INFO_LIMIT} bytes.")] = (
        UNSET
    )
    b64info: Annotated[str | None, Meta(description="The same JSON in base64, instead of `info`.")] = None
    data: Annotated[Any, Meta(description="JSON for the client, which gets it with the subscription.")] = UNSET
    b64data: Annotated[str | None, Meta(description="The same JSON in base64, instead of `data`.")] = None
    expire_at: Annotated[int, Meta(ge=0, le=LARGEST, description="It ends at this Unix time, in seconds.")] | None = (
        None
    )
    #: What a subscription of the hub does not have. Refused instead of dropped, because something would be missing.
    override: dict[str, Any] | None = None


class UnsubscribeRequest(_Addressed, kw_only=True):
    """End the subscription of a person's connections to a channel."""

    channel: str = ""


_CODE = Meta(description=f"3000 to 4999: {COMING_BACK} let the client come back. 0, or none, is 3503: it stays away.")


class DisconnectCode(msgspec.Struct):
    """How the connection is closed."""

    code: Annotated[int, _CODE] = 0
    reason: str = ""

    def check(self) -> None:
        if self.code and not 3000 <= self.code <= 4999:
            raise ApiError(Code.BAD_REQUEST, "the code is 3000 to 4999")
        if len(self.reason.encode()) > REASON_LIMIT:
            raise ApiError(Code.BAD_REQUEST, f"the reason has at most {REASON_LIMIT} bytes")


class DisconnectRequest(_Addressed, kw_only=True):
    """Close a person's connections."""

    whitelist: Annotated[list[str] | None, Meta(description="Ids of connections that stay.")] = None
    disconnect: DisconnectCode | None = None


class RefreshRequest(_Addressed, kw_only=True):
    """Set when a person's connections end unless they are refreshed."""

    expired: Annotated[bool | None, Meta(description="They end now.")] = None
    expire_at: Annotated[int, Meta(ge=0, le=LARGEST, description="They end at this Unix time, in seconds.")] | None = (
        None
    )
    info: Any = None


async def subscribe(call: ApiCall[SubscribeRequest]) -> EmptyResult:
    """Send the control message. Permissions of the user to subscribe are not checked."""
    request = call.request
    request.check()
    call.channel(request.channel)
    if request.override:
        raise ApiError(Code.NOT_AVAILABLE, "options of a namespace cannot be overridden for one subscription")
    info = _json(request.info, request.b64info)
    if len(info) > INFO_LIMIT:
        raise ApiError(Code.BAD_REQUEST, f"info has more than {INFO_LIMIT} bytes")
    since = request.recover_since or ApiStreamPosition()
    # Nothing can be recovered from larger offsets, and a control message is JSON with numbers up to here.
    offset = min(since.offset, LARGEST)
    return await _send(
        control.SubscribeUser(
            request.user,
            request.channel,
            request.client or "",
            offset,
            since.epoch,
            _json(request.data, request.b64data).decode(),
            info.decode(),
            request.expire_at or 0,
        )
    )


def _json(value: Any, b64: str | None) -> bytes:
    """JSON that a request may have in either form; empty where it has none."""
    return b"" if not b64 and (value is UNSET or value is None) else bytes(payload(value, b64))


async def unsubscribe(call: ApiCall[UnsubscribeRequest]) -> EmptyResult:
    """Send the control message."""
    call.request.check()
    call.channel(call.request.channel)
    return await _send(control.UnsubscribeUser(call.request.user, call.request.channel, call.request.client or ""))


async def disconnect(call: ApiCall[DisconnectRequest]) -> EmptyResult:
    """Send the control message."""
    request = call.request
    request.check()
    call.user(request.user)
    message = control.DisconnectUser(request.user, request.client or "", tuple(request.whitelist or ()))
    if close := request.disconnect:
        close.check()
        message = msgspec.structs.replace(message, code=close.code or message.code, reason=close.reason)
    return await _send(message)


async def refresh(call: ApiCall[RefreshRequest]) -> EmptyResult:
    """Send the control message."""
    request = call.request
    request.check()
    call.user(request.user)
    if request.info:
        raise ApiError(Code.NOT_AVAILABLE, "a connection has no info here")
    return await _send(
        control.RefreshUser(request.user, request.client or "", bool(request.expired), request.expire_at or 0)
    )


async def _send(message: control.ControlMessage) -> EmptyResult:
    try:
        await in_database_thread(control.send, message)
    except PayloadTooBig:
        raise ApiError(Code.BAD_REQUEST, "the control message is too long") from None
    return EmptyResult()


register(
    Method(
        "subscribe",
        SubscribeRequest,
        EmptyResult,
        subscribe,
        "Subscribe a person's connections to a channel.",
        {"user": "42", "channel": "room:7"},
    )
)
register(
    Method(
        "unsubscribe",
        UnsubscribeRequest,
        EmptyResult,
        unsubscribe,
        "End the subscription of a person's connections to a channel.",
        {"user": "42", "channel": "room:7"},
    )
)
register(
    Method(
        "disconnect",
        DisconnectRequest,
        EmptyResult,
        disconnect,
        "Close a person's connections.",
        {"user": "42", "disconnect": {"code": 4500, "reason": "account moved"}},
    )
)
register(
    Method(
        "refresh",
        RefreshRequest,
        EmptyResult,
        refresh,
        "Set when a person's connections end unless they are refreshed.",
        {"user": "42", "expire_at": 1893456000},
    )
)
