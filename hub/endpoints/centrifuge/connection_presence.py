"""Who is at a channel: people as :mod:`hub.presence` counts them, and each connection of the hub socket.

A person is at ``channel``, whatever door they came through. A connection is listed besides at ``@channel``, as text
that holds all there is to tell about it: ``<client id>.<user id>.<conn_info>``, and ``.<chan_info>`` where there is
one, both in base64. So asking who is there needs no other process, and when one dies its connections go with its
lease.
"""

import base64
import binascii
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from django.contrib.auth.models import User
from msgspec import UNSET, Raw

from hub import presence
from hub.bus.announcer import announce
from hub.channels import DEFAULT, UnknownChannel, Visit, namespace_of, namespaces
from hub.database.threads import in_database_thread
from hub.endpoints.centrifuge.encoder import ClientJoined, ClientLeft
from hub.endpoints.centrifuge.messages import ClientInfo, Json
from hub.presence import leaving
from hub.publishing import PayloadTooBig, encode
from hub.streams import Envelope

if TYPE_CHECKING:
    from hub.channels.namespace import Visitor
    from hub.endpoints.centrifuge.subscriptions import ClientSubscription

log = structlog.get_logger(__name__)

_LISTED = "@"


def listed_at(channel: str) -> str:
    """Where presence lists the connections at ``channel``."""
    namespace = namespace_of(channel)
    return f"{_LISTED}:{channel}" if namespace.name == DEFAULT else f"{_LISTED}{channel}"


def _channel_of(listed: str) -> str:
    return listed.removeprefix(_LISTED).removeprefix(":")


def person_of(user_id: int | None, client: str) -> str:
    """How presence names somebody: a user is one person on all their connections, a guest one on each."""
    return f"u{user_id}" if user_id is not None else f"{presence.GUEST}{client}"


def _person_in(info: ClientInfo) -> str:
    return person_of(int(info.user) if info.user else None, info.client)


def info_of(user: User) -> ClientInfo:
    """What others are told of a user who comes through another door than the hub socket."""
    return ClientInfo(client=person_of(user.pk, ""), user=str(user.pk), conn_info=conn_info(user.get_username()))


async def enter(subscription: "ClientSubscription") -> Json:
    """A connection came to a channel with presence. Returns what the app that owns the channel has for the client."""
    client, channel = subscription.client, subscription.channel
    data = await arrive(channel, client.user, subscription.client_info, entry=_entry(subscription))
    return UNSET if data is None else Raw(msgspec.json.encode(data))


async def leave(subscription: "ClientSubscription", *, restarting: bool) -> None:
    """A connection is gone from a channel with presence.

    ``restarting``: because this server stops. Its lease keeps a user's place then, who is about to come back.
    """
    client, channel = subscription.client, subscription.channel
    # The id of a connection never comes back.
    await presence.current().leave(listed_at(channel), _entry(subscription))
    await depart(channel, client.user, subscription.client_info, restarting=restarting)


async def arrive(channel: str, user: "Visitor", info: ClientInfo, *, entry: str = "") -> Any:
    """A connection of any door came to ``channel``, which has presence: count its person, and tell of a new one.

    Returns what the app that owns the channel has for the client; None for nothing.

    Args:
        info: what others are told of the connection.
        entry: how presence lists the connection; empty where it lists the person only.
    """
    person, namespace = person_of(user.pk, info.client), namespace_of(channel)
    # Before anything else is awaited: whoever is cancelled from here on has entered, and leaves.
    first = await presence.current().enter(channel, person)
    if entry:
        await presence.current().enter(listed_at(channel), entry)
    data: Any = None
    if namespace.entered is not None:
        data = await namespace.entered(Visit(channel, user, person, only=first))
    if namespace.join_leave and first:
        _tell(channel, ClientJoined(info=info))
    return data


async def depart(channel: str, user: "Visitor", info: ClientInfo, *, restarting: bool) -> None:
    """A connection that had come to ``channel`` has ended; may follow a :func:`arrive` that failed half-way.

    The person is gone, and others are told, when the grace time is over (:mod:`hub.presence.leaving`).
    """
    person, namespace = person_of(user.pk, info.client), namespace_of(channel)

    async def gone(last: bool) -> None:
        if namespace.left is not None:
            await namespace.left(Visit(channel, user, person, only=last, restarting=restarting))
        if namespace.join_leave and last:
            _tell(channel, ClientLeft(info=info))

    if restarting and user.pk is not None:
        await gone(last=False)
    else:
        await leaving.current().leave(channel, person, gone)


async def clients_at(channel: str) -> dict[str, ClientInfo]:
    """Everybody who is at ``channel``: each connection of the hub socket by its id, and each person who is there
    through another door by their name in presence. Raises ``django.db.Error``."""
    listed = [info for entry in await presence.current().people(listed_at(channel)) if (info := _read(entry))]
    users = {info.user for info in listed}
    people = await presence.current().people(channel)
    others = {person: person[1:] for person in people if person[:1] == "u" and person[1:] not in users}
    nameless = {info.user for info in listed if info.user and info.conn_info is UNSET} | set(others.values())
    names = await in_database_thread(_names, nameless) if nameless else {}
    for info in listed:
        if info.conn_info is UNSET and info.user in names:
            info.conn_info = conn_info(names[info.user])
    found = {info.client: info for info in listed}
    for person, user in others.items():
        if user in names:
            found[person] = ClientInfo(client=person, user=user, conn_info=conn_info(names[user]))
    return found


async def count_at(channel: str) -> tuple[int, int]:
    """How many connections and how many people are at ``channel``, those of other doors included."""
    listed = [info for entry in await presence.current().people(listed_at(channel)) if (info := _read(entry))]
    people = set(await presence.current().people(channel))
    counted = {_person_in(info) for info in listed}
    return len(listed) + len(people - counted), len(people | counted)


def conn_info(username: str) -> Raw:
    """What others are told of a user."""
    return Raw(msgspec.json.encode({"name": username}))


def _names(user_ids: set[str]) -> dict[str, str]:
    return {str(user.pk): user.get_username() for user in User.objects.filter(pk__in=user_ids)}


def _entry(subscription: "ClientSubscription") -> str:
    client = subscription.client
    # The name of a user is read when somebody asks: it would only make the entry longer.
    said = base64.urlsafe_b64encode(client.given_info or b"").decode()
    here = f".{base64.urlsafe_b64encode(subscription.info).decode()}" if subscription.info else ""
    return f"{client.client}.{client.user.pk or ''}.{said}{here}"


def _read(entry: str) -> ClientInfo | None:
    """What an entry says; None for one that no hub of this version wrote."""
    client, _, rest = entry.partition(".")
    user, _, rest = rest.partition(".")
    said, _, here = rest.partition(".")
    if user and not (user.isascii() and user.isdigit()):
        return None
    try:
        info, chan_info = (Raw(base64.urlsafe_b64decode(text)) if text else UNSET for text in (said, here))
    except (binascii.Error, ValueError):
        return None
    return ClientInfo(client=client, user=user, conn_info=info, chan_info=chan_info)


def _tell(channel: str, coming: ClientJoined | ClientLeft) -> None:
    try:
        announce([Envelope(channel, "", 0, encode(channel, coming, durable=False))])
    except (PayloadTooBig, UnknownChannel):
        log.warning("coming_not_told", channel=channel)


async def departed(listed: str, entries: list[str]) -> None:
    """A web process died, and these connections with it: called once, by the process that noticed first.

    Told of are people who are nowhere else at the channel, each once.
    """
    channel = _channel_of(listed)
    gone = {_person_in(info): info for entry in entries if (info := _read(entry))}
    for person in await presence.current().people(channel):
        gone.pop(person, None)
    for info in gone.values():
        _tell(channel, ClientLeft(info=info))


def watch() -> None:
    """Tell subscribers of those who were in a web process that died; called once, when all apps are registered."""
    for namespace in namespaces():
        if namespace.presence and namespace.join_leave:
            presence.on_departed(f"{_LISTED}{namespace.name}", departed)
