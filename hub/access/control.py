"""Control messages to all web processes: revalidate, disconnect, subscribe, unsubscribe or refresh connections.

A control message is a durable publication on the internal channel ``control``, to which every web process subscribes.
It is stored in the transaction that causes it: a logout that is rolled back closes nothing. While Redis is away,
catch-up from the database delivers it.
"""

from collections.abc import Iterable

import msgspec

from hub.channels import Namespace, register
from hub.publishing import publish_many
from hub.users import Key

#: The channel of control messages. A process that misses messages revalidates all its connections.
CHANNEL = register(Namespace("control", single=True, internal=True, keep_items=10_000, keep_days=1.0)).name


class Revalidate(msgspec.Struct, frozen=True, tag="revalidate", omit_defaults=True):
    """Permissions of a user or of a channel may have changed: the processes check them against the database.

    Args:
        user: revalidate the connections of the user with this key, as text; empty if the message is about a channel.
        channel: revalidate the connections of all its subscribers.
    """

    user: str = ""
    channel: str = ""


class DisconnectUser(msgspec.Struct, frozen=True, tag="disconnect", omit_defaults=True):
    """Close the connections of a user, or the one with the id ``client``.

    Args:
        user: what the user is called outside (:func:`hub.users.user_id`); empty for guests.
        client: the id of one connection; empty for all of the user.
        whitelist: ids of connections that stay open.
        code: close code; after 3000-3499 and 4000-4499 clients reconnect by themselves, after others they do not.
        reason: for the client's log, at most 123 bytes.
    """

    user: str
    client: str = ""
    whitelist: tuple[str, ...] = ()
    code: int = 3503
    reason: str = "force disconnect"


class SubscribeUser(msgspec.Struct, frozen=True, tag="subscribe", omit_defaults=True):
    """Subscribe the client connections of a user, or the one with the id ``client``, to a channel.

    If ``offset`` or ``epoch`` is set, the subscription recovers from there. ``data`` is JSON text for the client and
    ``info`` JSON text that other subscribers see; empty for none. ``expire_at`` is the Unix time in seconds at which
    the subscription ends; 0 for never.
    """

    user: str
    channel: str
    client: str = ""
    offset: int = 0
    epoch: str = ""
    data: str = ""
    info: str = ""
    expire_at: int = 0


class UnsubscribeUser(msgspec.Struct, frozen=True, tag="unsubscribe", omit_defaults=True):
    """Unsubscribe the client connections of a user, or the one with the id ``client``, from a channel."""

    user: str
    channel: str
    client: str = ""


class RefreshUser(msgspec.Struct, frozen=True, tag="refresh", omit_defaults=True):
    """Set when the connections of a user expire unless refreshed: at once, or at a Unix time in seconds."""

    user: str
    client: str = ""
    expired: bool = False
    expire_at: int = 0


ControlMessage = Revalidate | DisconnectUser | SubscribeUser | UnsubscribeUser | RefreshUser

_decoder = msgspec.json.Decoder(ControlMessage)


def send(*messages: ControlMessage) -> None:
    """Send control messages as part of the open transaction; every web process handles them after the commit.

    That takes about a second, and two while Redis is unavailable. Raises ``django.db.Error``: then nothing is sent.
    """
    if messages:
        publish_many((CHANNEL, one) for one in messages)


def revalidate(*, users: Iterable[Key] = (), channels: Iterable[str] = ()) -> None:
    """Check the connections of ``users`` and the subscribers of ``channels``: their permissions may have changed.

    Part of the open transaction, as :func:`send`. ``users`` are keys of their rows.
    """
    send(*(Revalidate(user=str(key)) for key in users), *(Revalidate(channel=channel) for channel in channels))


def read(text: str) -> ControlMessage:
    """Decode the control message in a publication of :data:`CHANNEL`.

    Raises:
        msgspec.MsgspecError: the text is not a control message that this version knows.
    """
    decoded: ControlMessage = _decoder.decode(text)
    return decoded
