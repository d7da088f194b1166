"""Presence of channels: users as :mod:`hub.presence` counts them, and each client connection.

A user has a record at ``channel``, over any endpoint. A client connection has a further record at ``@channel``: the
text ``<client id>.<user id>.<conn_info>``, and ``.<chan_info>`` if there is one, both in base64. So a presence query
needs no other process, and when a process dies its records expire with its lease.
"""

import base64
import binascii
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw

from hub import presence
from hub.bus.announcer import announce
from hub.channels import DEFAULT, UnknownChannel, Visit, namespace_of, namespaces
from hub.database.threads import in_database_thread
from hub.logs import get_logger
from hub.presence import leaving
from hub.publishing import PayloadTooBig, encode
from hub.session.client_info import ClientInfo, ClientJoined, ClientLeft
from hub.streams import Envelope
from hub.users import ID_FORM, User, display_name, display_names, user_id

if TYPE_CHECKING:
    from hub.session.subscriptions import SessionSubscription

log = get_logger(__name__)

_LISTED = "@"


def listed_at(channel: str) -> str:
    """The channel under which presence keeps the connections at ``channel``."""
    namespace = namespace_of(channel)
    return f"{_LISTED}:{channel}" if namespace.name == DEFAULT else f"{_LISTED}{channel}"


def _channel_of(listed: str) -> str:
    return listed.removeprefix(_LISTED).removeprefix(":")


def person_of(user_id: str, client: str) -> str:
    """The member name in presence: one for a user with all connections, one for each connection of a guest."""
    return f"u{user_id}" if user_id else f"{presence.GUEST}{client}"


def _person_in(info: ClientInfo) -> str:
    return person_of(info.user, info.client)


def info_of(user: User) -> ClientInfo:
    """What others see of a user without a client connection."""
    known = user_id(user)
    return ClientInfo(client=person_of(known, ""), user=known, conn_info=conn_info(display_name(user)))


async def enter(subscription: "SessionSubscription") -> Any:
    """Add a connection to the presence of its channel; send a join message if its user is new there.

    Returns data of the app that owns the channel for the client, or None.
    """
    channel, info, user = subscription.channel, subscription.info, subscription.subscriber.user
    person, namespace = _person_in(info), subscription.namespace
    # The first await: if this is cancelled from here on, leave() removes the record.
    first = await presence.current().enter(channel, person)
    if record := subscription.record:
        await presence.current().enter(listed_at(channel), record)
    data: Any = None
    if namespace.entered is not None:
        data = await namespace.entered(Visit(channel, user, person, only=first))
    if namespace.join_leave and first:
        _announce(channel, ClientJoined(info=info))
    return data


async def leave(subscription: "SessionSubscription", *, restarting: bool) -> None:
    """Remove a connection from the presence of its channel, also after an :func:`enter` that failed half-way.

    The user leaves, and a leave message is sent, after the grace time (:mod:`hub.presence.leaving`).

    ``restarting``: this server stops. The lease then keeps the user in presence, who is about to reconnect.
    """
    channel, info, user = subscription.channel, subscription.info, subscription.subscriber.user
    person, namespace = _person_in(info), subscription.namespace
    if record := subscription.record:
        # Without grace time: the id of a connection is never used again.
        await presence.current().leave(listed_at(channel), record)

    async def gone(last: bool) -> None:
        if namespace.left is not None:
            await namespace.left(Visit(channel, user, person, only=last, restarting=restarting))
        if namespace.join_leave and last:
            _announce(channel, ClientLeft(info=info))

    if restarting and user.pk is not None:
        await gone(last=False)
    else:
        await leaving.current().leave(channel, person, gone)


async def clients_at(channel: str) -> dict[str, ClientInfo]:
    """The presence of ``channel``: each client connection by its id, and each user of other endpoints by member name.

    Raises ``django.db.Error``.
    """
    listed = [info for record in await presence.current().people(listed_at(channel)) if (info := _read(record))]
    users = {info.user for info in listed}
    people = await presence.current().people(channel)
    others = {person: person[1:] for person in people if person[:1] == "u" and person[1:] not in users}
    nameless = {info.user for info in listed if info.user and info.conn_info is UNSET} | set(others.values())
    names = await in_database_thread(display_names, nameless) if nameless else {}
    for info in listed:
        if info.conn_info is UNSET and info.user in names:
            info.conn_info = conn_info(names[info.user])
    found = {info.client: info for info in listed}
    for person, user in others.items():
        if user in names:
            found[person] = ClientInfo(client=person, user=user, conn_info=conn_info(names[user]))
    return found


async def count_at(channel: str) -> tuple[int, int]:
    """The numbers of connections and of users at ``channel``, over all endpoints."""
    listed = [info for record in await presence.current().people(listed_at(channel)) if (info := _read(record))]
    people = set(await presence.current().people(channel))
    counted = {_person_in(info) for info in listed}
    return len(listed) + len(people - counted), len(people | counted)


def conn_info(name: str) -> Raw:
    """What others see of a user."""
    return Raw(msgspec.json.encode({"name": name}))


def record_of(client: str, user_id: str, conn_info: bytes, chan_info: bytes) -> str:
    """The record of a client connection. The user's name is read by the query: it would make the record longer."""
    said = base64.urlsafe_b64encode(conn_info).decode()
    here = f".{base64.urlsafe_b64encode(chan_info).decode()}" if chan_info else ""
    return f"{client}.{user_id}.{said}{here}"


def _read(record: str) -> ClientInfo | None:
    """Decode a record; None if this version of the hub did not write it."""
    client, _, rest = record.partition(".")
    user, _, rest = rest.partition(".")
    said, _, here = rest.partition(".")
    if user and not ID_FORM.fullmatch(user):
        return None
    try:
        info, chan_info = (Raw(base64.urlsafe_b64decode(text)) if text else UNSET for text in (said, here))
    except (binascii.Error, ValueError):
        return None
    return ClientInfo(client=client, user=user, conn_info=info, chan_info=chan_info)


def _announce(channel: str, message: ClientJoined | ClientLeft) -> None:
    try:
        announce([Envelope(channel, "", 0, encode(channel, message, durable=False))])
    except (PayloadTooBig, UnknownChannel):
        log.warning("join_leave_not_sent", channel=channel)


async def departed(listed: str, records: list[str]) -> None:
    """Send leave messages for the connections of a web process that died. Called once, by the first process to notice.

    A user gets one leave message, and none while other connections are at the channel.
    """
    channel = _channel_of(listed)
    gone = {_person_in(info): info for record in records if (info := _read(record))}
    for person in await presence.current().people(channel):
        gone.pop(person, None)
    for info in gone.values():
        _announce(channel, ClientLeft(info=info))


def watch() -> None:
    """Register :func:`departed` for all channels with join and leave messages; called once, after all apps."""
    for namespace in namespaces():
        if namespace.presence and namespace.join_leave:
            presence.on_departed(f"{_LISTED}{namespace.name}", departed)
