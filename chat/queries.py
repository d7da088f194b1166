"""Reads of the chat app."""

from collections.abc import Collection
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from chat import channels, names
from chat.models import Message, Room
from chat.people import Named, named
from hub import streams
from hub.users import Key, users_by_id
from hub.validation import is_storable

#: Who wants to be in a room: the key of a user, or None for a guest.
Visitor = Key | None


def room_named(name: str, visitor: Visitor) -> Room | None:
    """The room that a person calls ``name``, where ``visitor`` may be in it.

    ``name`` is a name or a :attr:`chat.models.Room.address`. A name means a private room of the visitor's before a
    public one: nobody can open a public room to get what its members write. Others get the same answer for a private
    room as for none.
    """
    return rooms_named([(name, visitor)])[name, visitor]


def rooms_named(asked: Collection[tuple[str, Visitor]]) -> dict[tuple[str, Visitor], Room | None]:
    """:func:`room_named` for many at once: one query, and one more where private rooms are among them."""
    # Longer than any name can be, or nothing that a database takes: not worth a query, whoever sent it.
    wanted = {name: names.without_id(name) for name, _ in asked if len(name) <= 4 * names.LIMIT and is_storable(name)}
    found: dict[str, list[Room]] = {}
    if wanted:
        # The private ones first, and of these the oldest.
        stored = {form for name, _ in wanted.values() for form in names.forms(name)}
        for room in Room.objects.filter(name__in=stored).order_by("-is_private", "pk"):
            found.setdefault(room.name, []).append(room)
    private = [room.pk for same_named in found.values() for room in same_named if room.is_private]
    visitors = {visitor for _, visitor in asked if visitor is not None}
    members = memberships(private, visitors) if private and visitors else set()
    answers: dict[tuple[str, Visitor], Room | None] = {}
    for address, visitor in asked:
        name, room_id = wanted.get(address, ("", None))
        open_to_visitor = (
            room
            for form in dict.fromkeys(names.forms(name))
            for room in found.get(form, ())
            if room_id in (None, room.pk) and (not room.is_private or (room.pk, visitor) in members)
        )
        answers[address, visitor] = next(open_to_visitor, None)
    return answers


def meant_by_name(room_ids: Collection[int]) -> dict[int, str]:
    """The names of those of these rooms that a name alone means: the oldest private one of it, else the public one."""
    names_of_rooms = Room.objects.filter(pk__in=room_ids).values("name")
    rooms = Room.objects.filter(name__in=names_of_rooms).order_by("is_private", "-pk")
    meant = {name: pk for pk, name in rooms.values_list("pk", "name")}  # the last of each name
    wanted = set(room_ids)
    return {pk: name for name, pk in meant.items() if pk in wanted}


def memberships(room_ids: Collection[int], keys: Collection[Key]) -> set[tuple[int, Key]]:
    """Which of these users are members of which of these rooms, as pairs of a room's id and a user's key."""
    rows = Room.members.through.objects.filter(**{"room__in": room_ids, f"{_member()}__in": keys})
    return set(rows.values_list("room", _member()))


def membership_rows(key: Key) -> QuerySet[Any]:
    """The rows that say in which rooms the user with this key is a member."""
    return Room.members.through.objects.filter(**{_member(): key})


def rooms_of_member(key: Key) -> QuerySet[Any, int]:
    """The ids of the rooms in which the user with this key is a member."""
    return membership_rows(key).values_list("room", flat=True)


def keys_of_members(room_id: int) -> QuerySet[Any, Key]:
    """The keys of the members of a room."""
    rows, member = rows_of_members(room_id)
    return rows.values_list(member, flat=True)


def rows_of_members(room_id: int) -> tuple[QuerySet[Any], str]:
    """The rows that say who is a member of a room, and the column that names the member."""
    return Room.members.through.objects.filter(room=room_id), _member()


def _member() -> str:
    """The column of the users in the table of members: it is named after the user model."""
    name: str = Room._meta.get_field("members").m2m_reverse_field_name()
    return name


def may_be_in(room_id: int, visitor: Visitor) -> bool:
    """Whether the room exists and ``visitor`` may be in it."""
    return _open_to(visitor).filter(pk=room_id).exists()


def may_be_in_rooms(asked: Collection[tuple[int, Visitor]]) -> dict[tuple[int, Visitor], bool]:
    """:func:`may_be_in` for many at once: one query, and one more where private rooms are among them."""
    private = dict(Room.objects.filter(pk__in={room_id for room_id, _ in asked}).values_list("pk", "is_private"))
    hidden = [room_id for room_id, is_private in private.items() if is_private]
    members = memberships(hidden, {visitor for _, visitor in asked if visitor is not None}) if hidden else set()
    return {
        (room_id, visitor): room_id in private and (not private[room_id] or (room_id, visitor) in members)
        for room_id, visitor in asked
    }


def _open_to(visitor: Visitor) -> QuerySet[Room]:
    # A subquery, because a join would list a room once for each of its members.
    of_visitor = Room.members.through.objects.filter(**{_member(): visitor}).values("room")
    return Room.objects.filter(Q(is_private=False) | Q(pk__in=of_visitor))


def rooms(visitor: Visitor, wanted: str = "") -> QuerySet[Room]:
    """Rooms that ``visitor`` may be in, with ``last_message_at`` (None where nobody has written), liveliest first.

    With ``wanted``, those that have this text in their names: whatever else there is, a room is found by its name.
    """
    newest = Message.objects.filter(room=OuterRef("pk")).order_by("-pk").values("created_at")[:1]
    found = _open_to(visitor).annotate(last_message_at=Subquery(newest))
    if wanted:
        # Longer than any name: in none, and more than a database compares.
        is_possible = len(wanted) <= 4 * names.LIMIT and is_storable(wanted)
        found = found.filter(name__icontains=names.normal(wanted)) if is_possible else found.none()
    return found.order_by(F("last_message_at").desc(nulls_last=True), "-pk")


def latest_messages(room: Room, limit: int = 50) -> list[Message]:
    """The last messages of a room, oldest first."""
    return list(reversed(room.messages.order_by("-pk")[:limit]))


def messages_before(room_id: int, before: int, limit: int) -> list[Message]:
    """The last messages of a room that are older than the id ``before``, oldest first."""
    return list(reversed(Message.objects.filter(room=room_id, pk__lt=before).order_by("-pk")[:limit]))


def cursor_for(room: Room) -> str:
    """Where the room's channel stands now. Read it before the messages, so that none falls between the two."""
    return streams.cursor_at([channels.of_room(room.pk)])


def people_named(people: list[str]) -> list[Named]:
    """Logged-in people, given as presence names them (``u42``)."""
    return [named(user) for user in users_by_id(person[1:] for person in people if person[0] == "u").values()]
