"""Events that other code sends to the hub's groups with ``group_send``, as in every Channels tutorial.

Each becomes an ephemeral envelope of the group's channel: live, not stored, without an offset. The client connection
and ``/events`` pass the event on as it is. A simple endpoint makes its own frame of one that says something to people
(:func:`is_text`), and passes any other on as it is.

Whoever can send to the layer is trusted with what people read, and with nothing else: an event is plain JSON within
the bounds of a publication, and its type is none of the hub's own.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.utils import timezone

from hub.config import hub_settings
from hub.streams import Envelope
from hub.validation.nesting import DEPTH_LIMIT, is_too_deep

#: Types of events that say something to people, with ``_`` for ``.`` as Channels has it in names of handlers: those
#: of its tutorials.
TEXT_TYPES = frozenset(
    {
        "chat_message",
        "message",
        "notification",
        "notification_message",
        "notify",
        "send_message",
        "send_notification",
    }
)

#: What begins so is the hub's own, on the layer and among publications.
RESERVED = "hub."

#: Characters of a type.
TYPE_LIMIT = 255

#: Keys of a frame that are the hub's to say: where the client stands.
_POSITION = ("channel", "cursor", "offset")


class NotPassedOn(ValueError):
    """The event cannot go to clients. The text says why, and quotes nothing of it."""


def envelope_of(channel: str, event: Mapping[Any, Any]) -> Envelope:
    """The envelope that carries ``event`` to the subscribers of ``channel``.

    Raises:
        NotPassedOn: no type, or one that only the hub may send; not plain JSON; too long or too deep.
    """
    kind = event.get("type")
    if not isinstance(kind, str) or not 0 < len(kind) <= TYPE_LIMIT:
        raise NotPassedOn("an event without a type")
    if kind.startswith(RESERVED):
        raise NotPassedOn("a type that only the hub sends")
    try:
        # Not msgspec, which makes texts of bytes and dates, and null of NaN.
        text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise NotPassedOn("an event that JSON does not have") from None
    if size > hub_settings().max_publication:
        raise NotPassedOn("an event longer than HUB_MAX_PUBLICATION")
    if is_too_deep(text, event):
        raise NotPassedOn(f"an event nested more than {DEPTH_LIMIT} levels deep")
    return Envelope(channel, "", 0, text, is_foreign=True)


def kind_of(event: Mapping[str, Any]) -> str:
    """The type of an event as a name of a handler: ``chat.message`` and ``chat_message`` are one."""
    return str(event["type"]).replace(".", "_")


def event_in(envelope: Envelope) -> dict[str, Any]:
    """The event that an envelope carries."""
    event: dict[str, Any] = msgspec.json.decode(envelope.data)
    return event


def text_in(event: Mapping[str, Any]) -> str | None:
    """What an event says to people; None where it is of no type that does, or has no text."""
    if kind_of(event) not in TEXT_TYPES:
        return None
    return next((event[key] for key in ("message", "text") if isinstance(event.get(key), str)), None)


def simple_frame(envelope: Envelope, make: Callable[[Mapping[str, Any], str], dict[str, Any]]) -> str:
    """The frame of a simple endpoint for the event in ``envelope``.

    Args:
        make: given the event and its text, the keys of this endpoint's frame, ``type`` among them. The other keys
            stay as the sender wrote them. Not called for an event that says nothing to people: that is passed on as
            it is.
    """
    event = event_in(envelope)
    text = text_in(event)
    if text is None:
        return envelope.data
    said = {key: value for key, value in event.items() if key not in _POSITION}
    now = timezone.now()
    frame = {**said, **make(event, text), **_times(event, now), "channel": envelope.channel}
    return msgspec.json.encode(frame).decode()


def _times(event: Mapping[str, Any], now: datetime) -> dict[str, object]:
    said = event.get("timestamp")
    return {"timestamp": said if isinstance(said, str) else timezone.localtime(now).strftime("%H:%M:%S"), "at": now}
