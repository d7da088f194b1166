"""The one event that the hub sends over the channel layer, and reading it back as the hostile input it is.

Its shape is stable (``docs/howto/join-from-your-own-consumer.md``): an ordinary Channels consumer that has joined
``group_name(channel)`` receives it in a handler called ``hub_publication``.
"""

from typing import Any

import msgspec

from hub.streams import Item

TYPE = "hub.publication"


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """A publication as the layer carries it. ``offset`` 0 and an empty ``epoch`` mean ephemeral."""

    channel: str
    epoch: str
    offset: int
    data: str
    info: str = ""


class NotAPublication(ValueError):
    """Something on the layer is not an event of the hub."""


def pack(item: Item) -> dict[str, Any]:
    """The layer's message for ``item``."""
    message = {"type": TYPE, "channel": item.channel, "epoch": item.epoch, "offset": item.offset, "data": item.data}
    return {**message, "info": item.info} if item.info else message


def unpack(message: object) -> Item:
    """The item in a message from the layer.

    Raises:
        NotAPublication: another type, or fields that are missing or of another kind. The text names no content.
    """
    if not isinstance(message, dict) or message.get("type") != TYPE:
        raise NotAPublication("an event of a type that the hub does not send")
    try:
        event = msgspec.convert(message, Event)
    except msgspec.ValidationError as error:
        raise NotAPublication(str(error)) from None
    if event.offset < 0:
        raise NotAPublication("a negative offset")
    return Item(event.channel, event.epoch, event.offset, event.data, event.info)
