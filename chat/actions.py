"""Every write of the chat app, and the publication that it causes."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat import channels, events, names, naming, queries
from chat.models import Message, Room
from chat.people import Named, called
from hub import limits
from hub.config import hub_settings
from hub.database.inserting import insert
from hub.limits import Tally, TooMany
from hub.publishing import ending, publish, publish_ephemeral, publish_many
from hub.users import Key, User, Visitor, all_users, is_staff_or_may, user_id
from hub.validation import Refused, is_storable, message_in

ROOMS = limits.declare("rooms", setting="limit_rooms", sentence=_("You have opened many rooms."))
MESSAGES = limits.declare("messages", setting="limit_messages", sentence=_("You have written many messages."))

#: The messages of each user in this process.
written = Tally(MESSAGES)


#: The permission that lets those open rooms who are not of the staff, where only staff may.
MAY_OPEN_ROOMS = "hub_chat.add_room"


class NotSignedIn(Refused):
    """The author is no active user (any more)."""

    word = "login_required"
    code = 401
    sentence = _("Only signed-in users can write messages")


class NameTaken(ValueError):
    """A public room of this name exists."""


class NoMembersInPublic(ValueError):
    """A public room has no members: everybody may be in it."""


class NoSuchRoom(Refused):
    """The room was deleted, or is private and the author no member (any more)."""

    word = "room_not_found"
    code = 404
    sentence = names.NO_SUCH_ROOM


class MayNotOpenRooms(PermissionError):
    """``HUB_ROOM_CREATION`` does not let this person open rooms."""


#: Why a message was not taken.
Refusal = NotSignedIn | NoSuchRoom | TooMany


def may_open_rooms(user: Visitor) -> bool:
    """Whether ``HUB_ROOM_CREATION`` lets ``user`` open rooms."""
    if not user.is_authenticated or not user.is_active:
        return False
    return hub_settings().room_creation == "authenticated" or is_staff_or_may(user, MAY_OPEN_ROOMS)


def open_room(*, name: str, user: Visitor) -> Room:
    """Make a public room for somebody who asks for it, on whatever way: :func:`create_room` within what they may do.

    Raises:
        MayNotOpenRooms, TooMany: the person may not, or has opened many.
        NameTaken, django.core.exceptions.ValidationError: as :func:`create_room`; that counts for nothing.
    """
    if not isinstance(user, User) or not may_open_rooms(user):
        raise MayNotOpenRooms
    name = names.normal(name)
    naming.validate(name)
    if Room.objects.filter(name=name, is_private=False).exists():
        raise NameTaken(name)
    limits.take(ROOMS, user.pk)
    return create_room(name=name, creator=user)


def create_room(*, name: str, creator: User) -> Room:
    """Make a public room.

    Raises:
        NameTaken: there is a public one of this name. Private rooms are not looked at.
        django.core.exceptions.ValidationError: the name is not one for a room.
    """
    name = names.normal(name)
    naming.validate(name)
    try:
        with transaction.atomic():
            return Room.objects.create(name=name, created_by=creator)
    except IntegrityError:
        raise NameTaken(name) from None


def provide_room(
    *, name: str, is_private: bool, members: Collection[User] = (), key: str | None = None
) -> tuple[Room, bool]:
    """The room with this ``key`` or, without one, the public room of this name; made where there is none.

    Without a key each call makes another private room. A room that is there already stays as it is: its name and its
    members may be others.

    Args:
        members: of a private room that is made.
        key: 1 to 64 characters: what the caller calls the room.

    Returns the room, and whether it is new.

    Raises:
        NameTaken: there is a public room of this name, and it has not this key.
        NoMembersInPublic: a public room is given members.
        django.core.exceptions.ValidationError: the name is not one for a room.
    """
    if members and not is_private:
        raise NoMembersInPublic("A public room has no members: everybody may be in it.")
    name = names.normal(name)
    if (known := _room_there(name, key, is_private=is_private)) is not None:
        return known, False
    naming.validate(name, is_private=is_private)
    try:
        with transaction.atomic():
            room = Room.objects.create(name=name, is_private=is_private, key=key)
            room.members.add(*members)
    except IntegrityError:
        # Another one has made it in this very moment, or the name is taken.
        if (known := _room_there(name, key, is_private=is_private)) is None:
            raise NameTaken(name) from None
        return known, False
    return room, True


def _room_there(name: str, key: str | None, *, is_private: bool) -> Room | None:
    if key is not None:
        return Room.objects.filter(key=key).first()
    return None if is_private or not is_storable(name) else Room.objects.filter(name=name, is_private=False).first()


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """What somebody wants to write in a room; see :func:`post_message`. No guest has an ``author_id``."""

    room_id: int
    author_id: Key
    text: str
    key: str | None = None


def post_message(*, room_id: int, author_id: Key, text: str, key: str | None = None) -> Message:
    """Store a message and send it to everyone in the room. When it returns, the message is stored.

    With a ``key``, 1 to 64 characters, the author has one message of this key, ever: if there is one already, that is
    returned, whatever it says, and nothing is stored or sent.

    Raises:
        NotSignedIn: the author is nobody, gone or deactivated; permissions are read again for each message.
        NoSuchRoom: the room is gone, or private and the author no member.
        TooMany: the author has written as many messages as one may.
        BadMessage: the text is empty, longer than 4,000 characters, or cannot be stored.
    """
    text = message_in({"message": text})
    (posted,) = post_messages([Draft(room_id, author_id, text, key)]).values()
    if isinstance(posted, Exception):
        raise posted
    return posted


def post_notice(*, room_id: int, text: str, key: str | None = None) -> Message:
    """Store a notice of the hub's own in a room, public or private, and send it: others read ``System`` as its author.

    With a ``key``, 1 to 64 characters, the room has one notice of this key, ever: if there is one already, that is
    returned, and nothing is stored or sent.

    Raises:
        NoSuchRoom: the room is gone.
        BadMessage: as :func:`post_message`.
    """
    text = message_in({"message": text})
    with transaction.atomic():
        # One at a time in a room: each then sees the notices of the others. SQLite has one writer anyway.
        if Room.objects.select_for_update(no_key=True).filter(pk=room_id).first() is None:
            raise NoSuchRoom
        if key is not None:
            known = Message.objects.filter(room=room_id, author=None, username=events.SYSTEM, key=key).first()
            if known is not None:
                return known
        message = Message.objects.create(room_id=room_id, username=events.SYSTEM, text=text, key=key)
        publish(channels.of_room(room_id), events.posted(message, ""))
    return message


def post_messages(drafts: Collection[Draft]) -> dict[Draft, Message | Refusal]:
    """:func:`post_message` for many at once, in one transaction: what a busy moment costs is shared by all in it.

    Returns for each draft the stored message, or the error of that draft alone. Where it raises, nothing is stored or
    counted: the drafts may be posted again, in smaller numbers, to find the one at fault.

    Raises:
        django.db.Error: the database cannot be asked, or refuses one of several drafts.
    """
    # Before the transaction: nobody waits for the database because Redis does not answer.
    refused = {draft: refusal for draft in drafts if (refusal := _over_the_limit(draft))}
    let_through = [draft for draft in drafts if draft not in refused]
    new: Collection[Draft] = ()
    try:
        stored = _with_keys(refused)
        posted, new = _post(let_through)
    finally:
        for draft in let_through:
            if draft.author_id is not None and draft not in new:
                written.give_back(draft.author_id)
    return posted | {draft: stored.get((draft.author_id, draft.key)) or refused[draft] for draft in refused}


def _over_the_limit(draft: Draft) -> TooMany | None:
    if draft.author_id is None:
        return None
    try:
        written.take(draft.author_id)
    except TooMany as refusal:
        return refusal
    return None


#: What became of each draft, and for which of them a message was made.
_Posted = tuple[dict[Draft, Message | Refusal], Collection[Draft]]


def _post(drafts: Collection[Draft]) -> _Posted:
    try:
        return _store(drafts)
    except IntegrityError:
        # Another one has stored a message of the same key in this very moment, or a constraint of the team's own
        # refuses one draft.
        if len(drafts) > 1:
            raise
        stored = _with_keys(drafts)
        return {draft: stored.get((draft.author_id, draft.key)) or NoSuchRoom() for draft in drafts}, ()


def _store(drafts: Collection[Draft]) -> _Posted:
    with ending():
        authors = all_users().in_bulk({draft.author_id for draft in drafts if draft.author_id is not None})
        results: dict[Draft, Message | Refusal] = dict(_refusals(drafts, authors))
        stored = _with_keys(drafts)
        new: dict[Draft, Message] = {}
        for draft in drafts:
            if draft in results:
                continue
            message = stored.get((draft.author_id, draft.key))
            if message is None:
                message = new[draft] = _message(draft, authors[draft.author_id])
                if draft.key is not None:
                    stored[draft.author_id, draft.key] = message
            results[draft] = message
        if len(new) != 1 or not all(map(insert, new.values())):
            Message.objects.bulk_create(new.values())
        publish_many(
            (channels.of_room(message.room_id), events.posted(message, user_id(authors[draft.author_id])))
            for draft, message in new.items()
        )
    return results, new


def _refusals(drafts: Collection[Draft], authors: Mapping[Key, User]) -> Iterator[tuple[Draft, Refusal]]:
    """The drafts of those who may not write where they want to, each with why."""
    rooms = dict(Room.objects.filter(pk__in={draft.room_id for draft in drafts}).values_list("pk", "is_private"))
    private = [room_id for room_id, is_private in rooms.items() if is_private]
    members = queries.memberships(private, authors.keys()) if private else set()
    for draft in drafts:
        author = authors.get(draft.author_id)
        if author is None or not author.is_active:
            yield draft, NotSignedIn()
        elif draft.room_id not in rooms or (rooms[draft.room_id] and (draft.room_id, draft.author_id) not in members):
            yield draft, NoSuchRoom()


def _message(draft: Draft, author: User) -> Message:
    return Message(room_id=draft.room_id, author=author, username=called(author), text=draft.text, key=draft.key)


def _with_keys(drafts: Iterable[Draft]) -> dict[tuple[Key, str | None], Message]:
    """The messages that are stored under the keys of these drafts, by author and key."""
    keyed = [draft for draft in drafts if draft.key is not None and draft.author_id is not None]
    if not keyed:
        return {}
    rows = Message.objects.filter(
        author__in={draft.author_id for draft in keyed}, key__in={draft.key for draft in keyed}
    )
    return {(row.author_id, row.key): row for row in rows}


def tell_joined(*, room_id: int, person: Named) -> None:
    """Tell the room that somebody came: live only."""
    publish_ephemeral(channels.of_room(room_id), events.PersonJoined(**person._asdict(), at=timezone.now()))


def tell_left(*, room_id: int, people: Iterable[Named]) -> None:
    """Tell the room who left: live only."""
    for person in people:
        publish_ephemeral(channels.of_room(room_id), events.PersonLeft(**person._asdict(), at=timezone.now()))


def tell_typing(*, room_id: int, person: Named) -> None:
    """Tell the room that somebody is writing: live only. Whether they may is for the caller to know."""
    publish_ephemeral(channels.of_room(room_id), events.PersonTyping(**person._asdict()))
