"""The one event that the hub sends over the channel layer, and the parser of it, which trusts nothing that it reads.

Its format is stable (``docs/howto/join-from-your-own-consumer.md``): an ordinary Channels consumer that has joined
``hub.group(channel)`` receives it in a handler called ``hub_publication``. Events of other types come from other code
(:mod:`hub.bus.foreign`).
"""

from typing import Any

import msgspec

from hub.bus import foreign
from hub.channels import namespace_of
from hub.streams import Envelope

TYPE = "hub.publication"


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """A publication as the layer carries it. ``offset`` 0 and an empty ``epoch`` mean ephemeral."""

    channel: str
    epoch: str
    offset: int
    data: str
    info: str = ""
    tags: str = ""


class NotForClients(ValueError):
    """What came over the layer is neither a publication of the hub nor an event that can be passed on."""


def pack(envelope: Envelope) -> dict[str, Any]:
    """The layer's message for ``envelope``."""
    message = {
        "type": TYPE,
        "channel": envelope.channel,
        "epoch": envelope.epoch,
        "offset": envelope.offset,
        "data": envelope.data,
    }
    if envelope.info:
        message["info"] = envelope.info
    if envelope.tags:
        message["tags"] = envelope.tags
    return message


def unpack(message: object, channel: str) -> Envelope:
    """The envelope in a message that was sent to the group of ``channel``, or to an alias of it.

    Raises:
        NotForClients: no event, fields that are missing or of another kind, or nothing that other code may send. The
            text quotes nothing of it.
    """
    if not isinstance(message, dict):
        raise NotForClients("it is too long, or cannot be read")
    if message.get("type") != TYPE:
        return _foreign(message, channel)
    try:
        event = msgspec.convert(message, Event)
    except msgspec.ValidationError as error:
        raise NotForClients(str(error)) from None
    if event.offset < 0:
        raise NotForClients("a negative offset")
    if event.channel != channel:
        raise NotForClients("a publication of another channel than the group's")
    return Envelope(event.channel, event.epoch, event.offset, event.data, event.info, event.tags)


def _foreign(message: dict[Any, Any], channel: str) -> Envelope:
    if namespace_of(channel).internal:
        raise NotForClients("an event of other code for a channel of the hub's own")
    try:
        return foreign.envelope_of(channel, message)
    except foreign.NotPassedOn as error:
        raise NotForClients(str(error)) from None
