"""Orders to all web processes about the sockets they hold: look again whether somebody may stay, close, subscribe.

An order is a durable publication of the internal channel ``control``, which every web process follows. So it is stored
in the transaction of what caused it, a logout that is rolled back closes nothing, and tail repair brings it also while
Redis is away.
"""

import msgspec

from hub.channels import Namespace, register
from hub.publishing import publish_many

#: The channel of orders. A process that was away for longer than it is kept looks at all its sockets anyway.
CHANNEL = register(Namespace("control", single=True, internal=True, keep_items=10_000, keep_days=1.0)).name


class Revalidate(msgspec.Struct, frozen=True, tag="recheck", omit_defaults=True):
    """What a user may do, or who may be in a channel, may have changed: the sockets are held to the database.

    Args:
        user: whose sockets; 0 where it is about a channel.
        channel: the sockets of everybody who follows it.
    """

    user: int = 0
    channel: str = ""


class DisconnectUser(msgspec.Struct, frozen=True, tag="disconnect", omit_defaults=True):
    """Close the sockets of a user, or the one with the id ``client``.

    Args:
        user: the user's id in decimal digits; empty for guests.
        client: the id of one socket; empty for all of the user.
        whitelist: ids of sockets that stay open.
        code: of the close frame: 3000-3499 and 4000-4499 let the client come back by itself, others do not.
        reason: for the client's log, at most 123 bytes.
    """

    user: str
    client: str = ""
    whitelist: tuple[str, ...] = ()
    code: int = 3503
    reason: str = "force disconnect"


class SubscribeUser(msgspec.Struct, frozen=True, tag="subscribe", omit_defaults=True):
    """Subscribe the hub sockets of a user, or the one with the id ``client``, to a channel.

    ``offset`` and ``epoch`` are where to recover from, where they are given. ``data`` is JSON text for the client and
    ``info`` JSON text that others are told of it in the channel, empty for none; the subscription ends at
    ``expire_at``, a Unix time in seconds, where that is not 0.
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
    """End the subscription of a user's hub sockets, or of the one with the id ``client``, to a channel."""

    user: str
    channel: str
    client: str = ""


class RefreshUser(msgspec.Struct, frozen=True, tag="refresh", omit_defaults=True):
    """Set when the connections of a user end unless they are refreshed: at once, or at a Unix time in seconds."""

    user: str
    client: str = ""
    expired: bool = False
    expire_at: int = 0


ControlMessage = Revalidate | DisconnectUser | SubscribeUser | UnsubscribeUser | RefreshUser

_decoder = msgspec.json.Decoder(ControlMessage)


def send(*orders: ControlMessage) -> None:
    """Give orders, as part of the transaction that is open; every web process obeys after its commit.

    Within about a second where Redis is there, two without it. Raises ``django.db.Error``: then nothing is ordered.
    """
    if orders:
        publish_many((CHANNEL, one) for one in orders)


def read(text: str) -> ControlMessage:
    """The order in a publication of :data:`CHANNEL`.

    Raises:
        msgspec.MsgspecError: it is none, or of a newer version of the hub.
    """
    decoded: ControlMessage = _decoder.decode(text)
    return decoded
