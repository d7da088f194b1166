"""Reads of the chat app."""

from django.contrib.auth.models import User
from django.db.models import F, OuterRef, QuerySet, Subquery

from chat import channels, names
from chat.models import Message, Room
from hub import cursors, streams
from hub.text import is_storable


def room_named(name: str) -> Room | None:
    """The room that a person calls ``name``."""
    # Longer than any name can be, or nothing that a database takes: not worth a query, whoever sent it.
    if len(name) > 4 * names.LIMIT or not is_storable(name):
        return None
    return Room.objects.filter(name=names.normal(name)).first()


def rooms(limit: int = 200) -> QuerySet[Room]:
    """Rooms with ``last_message_at`` (None where nobody has written), the liveliest first."""
    newest = Message.objects.filter(room=OuterRef("pk")).order_by("-pk").values("created_at")[:1]
    annotated = Room.objects.annotate(last_message_at=Subquery(newest))
    return annotated.order_by(F("last_message_at").desc(nulls_last=True), "-pk")[:limit]


def latest_messages(room: Room, limit: int = 50) -> list[Message]:
    """The last messages of a room, oldest first."""
    return list(reversed(room.messages.order_by("-pk")[:limit]))


def cursor_for(room: Room) -> str:
    """Where the room's channel stands now. Read it before the messages, so that none falls between the two."""
    return cursors.join(streams.positions([channels.of_room(room.pk)]).items())


def usernames(people: list[str]) -> list[str]:
    """The names of signed-in people, given as presence names them (``u42``)."""
    users = User.objects.filter(pk__in=[person[1:] for person in people if person[0] == "u"])
    return [user.get_username() for user in users]
