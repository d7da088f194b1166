"""The handlers of commands. The session has decoded the command and checked the rate limit."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from hub.access import authentication, credentials
from hub.access.authorization import NotValid
from hub.access.reasons import End, Ended, Error, Failed, Unsubscribed
from hub.access.signed_tokens import BadToken, Claims, KeysUnavailable, TokenExpired
from hub.channels import BadPublication, NotAllowed, allows, find, hand_over
from hub.config import hub_settings
from hub.database.threads import in_database_thread
from hub.endpoints.centrifuge import encoder, messages, stored
from hub.endpoints.centrifuge.messages import Empty, Request
from hub.endpoints.centrifuge.subscriptions import SubscriptionOptions
from hub.publishing import PayloadTooBig, RoundedNumber, apublish_ephemeral
from hub.session import client_messages, connection_presence, methods
from hub.session.client_info import Json
from hub.streams import Position, history
from hub.users import Visitor, user_id

if TYPE_CHECKING:
    from hub.endpoints.centrifuge.client import Client

#: The version that clients see.
VERSION = "hub 1"

#: In ``flag`` of ``subscribe``: an error instead of a subscription that could not recover.
REJECT_UNRECOVERED = 2

#: The default and largest number of publications in one answer to ``history``.
HISTORY_LIMIT = 300

#: Characters of the publications in it. What is left comes with the next page.
HISTORY_SIZE = 1024 * 1024


class _Expecting(msgspec.Struct):
    user: str | None = None


_expecting = msgspec.json.Decoder(_Expecting)


def expects(data: Json, user: Visitor) -> bool:
    """Whether the page was made for ``user``: it may send ``{"user": "42"}``, with an empty text for a guest.

    The browser sends its current session, which may be another one than that of the page. Pages without a user id skip
    this check.
    """
    try:
        said = _expecting.decode(data).user if data else None
    except (msgspec.MsgspecError, RecursionError):
        said = None
    return said is None or said == user_id(user)


async def refresh(client: "Client", request: messages.Refresh) -> messages.RefreshResult:
    """Set a new token for the connection, of the same user; what it says of the person holds from now on."""
    try:
        claims = await authentication.claims_of(request.token, client.address)
    except TokenExpired:
        raise Ended(End.EXPIRED) from None
    except BadToken:
        raise Ended(End.BAD_TOKEN) from None
    except KeysUnavailable:
        raise Failed(Error.INTERNAL) from None
    if claims.sub != user_id(client.user) or claims.channel:
        authentication.log_refused("signed token: it is not for this connection", client.address, claims)
        raise Ended(End.BAD_TOKEN)
    try:
        await authentication.bring_up_to_date(claims, client.address)
    except NotValid:
        raise Ended(End.BAD_TOKEN) from None
    client.expire_at(claims.exp)
    return messages.RefreshResult(client=client.client, expires=claims.exp is not None, ttl=claims.ttl)


async def subscribe(client: "Client", request: messages.Subscribe) -> messages.SubscribeResult:
    """Subscribe to a channel."""
    namespace, arguments = find(request.channel)
    if request.type or request.tf:
        raise Failed(Error.NOT_AVAILABLE)
    existing = client.subscriptions.get(request.channel)
    if existing is not None and not existing.server_side:
        raise Failed(Error.ALREADY_SUBSCRIBED)
    if existing is None and _is_at_limit(client):
        raise Failed(Error.LIMIT_EXCEEDED)
    expires, join_leave = None, request.join_leave
    if request.token:
        claims = await _channel_claims(client, request.channel, request.token)
        expires, join_leave = claims.exp, join_leave or claims.override.force_push_join_leave.value
    elif (existing is None or existing.ending is not None) and not await allows(
        namespace.can_subscribe, client.user, arguments
    ):
        raise Failed(Error.PERMISSION_DENIED)
    if existing is not None:
        await client.remove(existing)
    how = SubscriptionOptions(
        since=Position(request.epoch, request.offset) if request.recover else None,
        recoverable=request.recoverable or request.recover,
        positioned=request.positioned,
        join_leave=join_leave,
        whole=bool(request.flag & REJECT_UNRECOVERED),
        expires=expires,
        by_token=bool(request.token) or (existing is not None and existing.by_token),
    )
    (result,) = await client.add({request.channel: how})
    return result


def _is_at_limit(client: "Client") -> bool:
    """Whether the client has reached the limit of subscriptions. Server-side subscriptions do not count."""
    limit = hub_settings().subscriptions_per_socket
    subscriptions = client.subscriptions.values()
    return len(subscriptions) >= limit and sum(not one.server_side for one in subscriptions) >= limit


async def _channel_claims(client: "Client", channel: str, token: str) -> Claims:
    try:
        claims = await authentication.claims_of(token, client.address)
    except TokenExpired:
        raise Failed(Error.TOKEN_EXPIRED) from None
    except BadToken:
        raise Failed(Error.PERMISSION_DENIED) from None
    except KeysUnavailable:
        raise Failed(Error.INTERNAL) from None
    if claims.channel != channel or claims.sub != user_id(client.user):
        reason = "signed token: it is for another channel or another user"
        authentication.log_refused(reason, client.address, claims)
        raise Failed(Error.PERMISSION_DENIED)
    return claims


async def sub_refresh(client: "Client", request: messages.SubRefresh) -> messages.SubRefreshResult:
    """Set a new token for a subscription."""
    subscription = client.subscriptions.get(request.channel)
    if subscription is None:
        raise Failed(Error.PERMISSION_DENIED)
    try:
        claims = await _channel_claims(client, request.channel, request.token)
    except Failed as failure:
        if failure.error is Error.TOKEN_EXPIRED:
            # After this unsubscribe push the client gets a new token and subscribes again; after an error it gives up.
            await client.unsubscribe(subscription, Unsubscribed.EXPIRED)
        raise
    subscription.expire_at(claims.exp)
    return messages.SubRefreshResult(expires=claims.exp is not None, ttl=claims.ttl)


async def unsubscribe(client: "Client", request: messages.Unsubscribe) -> Empty:
    """Unsubscribe from a channel; does nothing without a subscription."""
    if subscription := client.subscriptions.get(request.channel):
        client.opt_out(request.channel)
        await client.remove(subscription)
    return Empty()


async def publish(client: "Client", request: messages.Publish) -> Empty:
    """Publish, if the rule of the channel permits it."""
    namespace, arguments = find(request.channel)
    if not request.data:
        raise Failed(Error.BAD_REQUEST)
    if not await allows(namespace.can_publish, client.user, arguments):
        raise Failed(Error.PERMISSION_DENIED)
    try:
        if namespace.take is not None:
            await hand_over(namespace.take, client.user, msgspec.json.decode(request.data), arguments)
            return Empty()
        if encoder.is_reserved(request.data):
            raise Failed(Error.BAD_REQUEST)
        data = Raw(msgspec.json.format(bytes(request.data), indent=-1))
        info = Raw(msgspec.json.encode(client.info))
        if namespace.durable:
            await stored.publish(client, request.channel, data, info)
        else:
            await apublish_ephemeral(request.channel, data, info)
    except (BadPublication, PayloadTooBig, RoundedNumber, RecursionError, msgspec.MsgspecError):
        raise Failed(Error.BAD_REQUEST) from None
    except NotAllowed:
        raise Failed(Error.PERMISSION_DENIED) from None
    return Empty()


async def presence(client: "Client", request: messages.Presence) -> messages.PresenceResult:
    """List the clients at a channel."""
    await _may_see(client, request.channel)
    return messages.PresenceResult(presence=await connection_presence.clients_at(request.channel))


async def presence_stats(client: "Client", request: messages.PresenceStats) -> messages.PresenceStatsResult:
    """Count the clients and users at a channel."""
    await _may_see(client, request.channel)
    clients, users = await connection_presence.count_at(request.channel)
    return messages.PresenceStatsResult(num_clients=clients, num_users=users)


async def _may_see(client: "Client", channel: str) -> None:
    namespace, arguments = find(channel)
    if not namespace.presence:
        raise Failed(Error.NOT_AVAILABLE)
    if not await allows(namespace.can_see_presence, client.user, arguments):
        raise Failed(Error.PERMISSION_DENIED)


async def read_history(client: "Client", request: messages.History) -> messages.HistoryResult:
    """Read the history of a channel, if the client may subscribe to it."""
    namespace, arguments = find(request.channel)
    if not namespace.durable or not namespace.history:
        raise Failed(Error.NOT_AVAILABLE)
    if request.channel not in client.subscriptions and not await allows(
        namespace.can_subscribe, client.user, arguments
    ):
        raise Failed(Error.PERMISSION_DENIED)
    since = None if request.since is None else Position(request.since.epoch, request.since.offset)
    if since is not None and request.reverse and not since.offset:
        raise Failed(Error.BAD_REQUEST)  # there is nothing before the beginning
    limit = HISTORY_LIMIT if request.limit < 0 else min(request.limit, HISTORY_LIMIT)
    try:
        page = await in_database_thread(
            history.page, request.channel, limit=limit, since=since, reverse=request.reverse, size=HISTORY_SIZE
        )
    except history.NotKept:
        raise Failed(Error.UNRECOVERABLE_POSITION) from None
    return messages.HistoryResult(
        publications=encoder.publications_of(page.envelopes),
        epoch=page.position.epoch,
        offset=page.position.offset,
    )


async def call(client: "Client", request: messages.Rpc) -> messages.RpcResult:
    """Call a method of an app."""
    return messages.RpcResult(data=await methods.call(request.method, _caller(client), request.data))


async def send(client: "Client", request: messages.Send) -> None:
    """Pass a message to the app that handles it."""
    await client_messages.take(_caller(client), request.data)


async def ping(client: "Client", request: messages.Ping) -> Empty:
    """Answer a ping of the client."""
    return Empty()


def _caller(client: "Client") -> methods.RpcCall:
    return methods.RpcCall(
        client.user,
        client.client,
        client.language,
        client.subscriptions.keys(),
        credentials.device_of(client.credential),
    )


#: The handler of each command, and the key of its result.
HANDLERS: dict[type[Request], Callable[["Client", Any], Awaitable[Any]]] = {
    messages.Subscribe: subscribe,
    messages.Unsubscribe: unsubscribe,
    messages.Publish: publish,
    messages.Presence: presence,
    messages.PresenceStats: presence_stats,
    messages.History: read_history,
    messages.Rpc: call,
    messages.Send: send,
    messages.Ping: ping,
    messages.Refresh: refresh,
    messages.SubRefresh: sub_refresh,
}
KEYS: dict[type[Request], str] = {
    messages.Connect: "connect",
    messages.Subscribe: "subscribe",
    messages.Unsubscribe: "unsubscribe",
    messages.Publish: "publish",
    messages.Presence: "presence",
    messages.PresenceStats: "presence_stats",
    messages.History: "history",
    messages.Rpc: "rpc",
    messages.Ping: "ping",
    messages.Refresh: "refresh",
    messages.SubRefresh: "sub_refresh",
}

#: Cheap commands, and those of which a page sends many at its start.
FREE = (messages.Unsubscribe, messages.Refresh, messages.SubRefresh)
OPENING = (messages.Connect, messages.Subscribe)
