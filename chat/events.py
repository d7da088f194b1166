"""What the chat app publishes on ``room:<id>``, and how the simple endpoint shows it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from chat.models import Message
from hub.bus import simple_frame
from hub.streams import Envelope, cursor_of
from hub.users import ids_of_keys

#: Who tells of joins and leaves.
SYSTEM = "System"


class MessagePosted(msgspec.Struct, tag="chat.message_posted", omit_defaults=True, kw_only=True):
    """Somebody wrote in the room. ``key`` is what the author's client called the message, if it did.

    Notices have no ``user_id``, nor has what somebody wrote whose account is gone.
    """

    id: int
    text: str
    username: str
    user_id: str = ""
    at: datetime
    key: str = ""


class MessagesRemoved(msgspec.Struct, tag="chat.messages_removed", kw_only=True):
    """These messages are gone, for good: no history has them any more. In the place of each of them stands one without
    ids.
    """

    ids: list[int]


class PersonJoined(msgspec.Struct, tag="chat.person_joined", omit_defaults=True, kw_only=True):
    """A logged-in person opened the room (their first tab). Ephemeral."""

    username: str
    user_id: str = ""
    at: datetime


class PersonLeft(msgspec.Struct, tag="chat.person_left", omit_defaults=True, kw_only=True):
    """A logged-in person closed the room (their last tab). Ephemeral."""

    username: str
    user_id: str = ""
    at: datetime


class PersonTyping(msgspec.Struct, tag="chat.person_typing", kw_only=True):
    """A user is typing. Ephemeral; the simple endpoint does not show it."""

    username: str
    user_id: str


_posted = msgspec.json.Decoder(MessagePosted)
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(MessagePosted | PersonJoined | PersonLeft)
_encoder = msgspec.json.Encoder()


def posted(message: Message, user_id: str) -> MessagePosted:
    """The publication for a stored message; ``user_id`` is what its author is called outside, empty for a notice."""
    return MessagePosted(
        id=message.pk,
        text=message.text,
        username=message.username,
        user_id=user_id,
        at=message.created_at,
        key=message.key or "",
    )


def all_posted(messages: Sequence[Message]) -> list[MessagePosted]:
    """:func:`posted` for messages whose authors are not loaded: one query for all, or none where keys are ids."""
    ids = ids_of_keys({message.author_id for message in messages if message.author_id is not None})
    return [posted(message, ids.get(message.author_id, "")) for message in messages]


def posted_in(data: str) -> MessagePosted | None:
    """The message in the JSON text of a publication; None where it is something else."""
    try:
        return _posted.decode(data)
    except msgspec.DecodeError:
        return None


@lru_cache(maxsize=64)
def plain_frames(language: str) -> Callable[[Envelope], str | None]:
    """The shape of ``/ws/chat/<room_name>/`` for clients who read ``language``: notices are sentences."""

    def plain_frame(item: Envelope) -> str | None:
        if item.is_foreign:
            return simple_frame(item, _told)
        try:
            event = _decoder.decode(item.data)
        except msgspec.DecodeError:  # also what is no JSON at all
            return None
        frame = {
            "type": "message",
            "message": event.text if isinstance(event, MessagePosted) else _notice(event, language),
            "username": event.username if isinstance(event, MessagePosted) else SYSTEM,
            "timestamp": timezone.localtime(event.at).strftime("%H:%M:%S"),
            "at": event.at,
            "channel": item.channel,
        }
        if event.user_id:
            frame["user_id"] = event.user_id
        if not isinstance(event, MessagePosted):
            # Whatever somebody is called: only what the hub itself says has this.
            frame["notice"] = "joined" if isinstance(event, PersonJoined) else "left"
        else:
            frame |= {"id": event.id, "offset": item.offset, "cursor": cursor_of(item)}
        return _encoder.encode(frame).decode()

    return plain_frame


def _told(event: Mapping[str, Any], text: str) -> dict[str, Any]:
    """What an event of other code says in the room: somebody's words where it names them, else a notice."""
    names = (event.get(key) for key in ("username", "user", "sender"))
    username = next((name for name in names if isinstance(name, str) and name), SYSTEM)
    return {"type": "message", "message": text, "username": username}


def _notice(event: PersonJoined | PersonLeft, language: str) -> str:
    with translation.override(language):
        if isinstance(event, PersonJoined):
            return _("%(username)s joined the room") % {"username": event.username}
        return _("%(username)s left the room") % {"username": event.username}
