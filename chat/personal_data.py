"""What the chat app holds of a person, for :mod:`hub.privacy`."""

from collections.abc import Collection
from typing import Any

import msgspec

from chat import channels, events, queries
from chat.models import Message, Room
from hub.privacy import ERASED_NAME, PersonalData, are_texts_removed, erased_texts, register, take_names_out
from hub.publishing import encode, publish, rewrite
from hub.users import User

#: Ids that one publication names.
CHUNK = 100


def _export(user: User) -> dict[str, Any]:
    messages = Message.objects.filter(author=user).order_by("pk").values_list("created_at", "room__name", "text")
    rooms = Room.objects.filter(pk__in=queries.rooms_of_member(user.pk)).order_by("pk")
    return {
        "messages": [{"at": at.isoformat(), "room": room, "text": text} for at, room, text in messages.iterator()],
        "member_of": list(rooms.values_list("name", flat=True)),
        "opened": list(Room.objects.filter(created_by=user).order_by("pk").values_list("name", flat=True)),
    }


def _erase(user: User) -> None:
    Room.objects.filter(created_by=user).update(created_by=None)
    queries.membership_rows(user.pk).delete()
    if erased_texts() == "kept":
        return
    ids_of: dict[int, list[int]] = {}
    for room_id, pk in Message.objects.filter(author=user).order_by("pk").values_list("room", "pk"):
        ids_of.setdefault(room_id, []).append(pk)
    for room_id, ids in ids_of.items():
        _take_out(channels.of_room(room_id), ids, is_removed=are_texts_removed())
        take_names_out(Message, ids)
    messages = Message.objects.filter(author=user)
    if are_texts_removed():
        messages.delete()
    else:
        messages.update(author=None, username=ERASED_NAME, key=None)


def _take_out(channel: str, ids: Collection[int], *, is_removed: bool) -> None:
    """Take what the person wrote, or who wrote it, out of the history of a room, and tell who is there."""
    wanted = frozenset(ids)
    removed = encode(channel, events.MessagesRemoved(ids=[]), durable=True)

    def change(data: str) -> str | None:
        message = events.posted_in(data)
        if message is None or message.id not in wanted:
            return None
        if is_removed:
            return removed
        nobody = msgspec.structs.replace(message, username=ERASED_NAME, user_id="", key="")
        return encode(channel, nobody, durable=True)

    rewrite(channel, change)
    if is_removed:
        chunks = [list(ids)[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
        for chunk in chunks:
            publish(channel, events.MessagesRemoved(ids=chunk))


register(PersonalData("chat", _export, _erase))
