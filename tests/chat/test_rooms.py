"""Rooms and messages: every write, and the pages that list them."""

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client

from chat import actions, queries
from chat.models import Message, Room
from hub.models import Publication
from hub.validation import BadMessage
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def room(ann: User) -> Room:
    return actions.create_room(name="lobby", creator=ann)


def test_a_room_is_found_by_any_form_of_its_name(ann: User) -> None:
    made = actions.create_room(name=" cafe\u0301 ", creator=ann)
    assert made.name == "caf\u00e9"
    for name in ("caf\u00e9", "cafe\u0301", " caf\u00e9"):
        assert queries.room_named(name, None) == made


@pytest.mark.whole_table
@pytest.mark.parametrize(
    "name", ["", "nothing", "a\0b", "lobby\0", "\ud800", "x" * 10_000, "../lobby", "lobby/"], ids=ascii
)
def test_what_is_no_room_is_none(room: Room, name: str) -> None:
    assert queries.room_named(name, None) is None


def test_a_name_can_be_taken_once(ann: User, room: Room) -> None:
    with pytest.raises(actions.NameTaken):
        actions.create_room(name="lobby", creator=ann)
    assert Room.objects.count() == 1


def test_a_bad_name_makes_no_room(ann: User) -> None:
    with pytest.raises(ValidationError):
        actions.create_room(name="no spaces please", creator=ann)
    assert not Room.objects.exists()


def test_a_room_made_in_the_admin_has_the_same_form_of_name(admin_client: Client) -> None:
    response = admin_client.post("/admin/hub_chat/room/add/", {"name": "cafe\u0301"})
    assert response.status_code == 302
    assert queries.room_named("cafe\u0301", None) == Room.objects.get(name="caf\u00e9")


@pytest.mark.parametrize("text", ["", "\u200b", "x" * 4001, "\ud800"], ids=["empty", "unseen", "long", "half"])
def test_text_that_clients_may_not_send_is_not_taken_from_code(ann: User, room: Room, text: str) -> None:
    with pytest.raises(BadMessage):
        actions.post_message(room_id=room.pk, author_id=ann.pk, text=text)
    with pytest.raises(BadMessage):
        actions.post_notice(room_id=room.pk, text=text)
    assert not Message.objects.exists()


def test_a_message_is_stored_and_published_together(ann: User, room: Room) -> None:
    message = actions.post_message(room_id=room.pk, author_id=ann.pk, text="hi")
    assert Message.objects.get() == message
    publication = Publication.objects.get(channel=f"room:{room.pk}")
    assert publication.offset == 1
    assert f'"id":{message.pk}' in publication.data


def test_rolled_back_message_is_neither_stored_nor_published(ann: User, room: Room) -> None:
    with transaction.atomic():
        actions.post_message(room_id=room.pk, author_id=ann.pk, text="never")
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert not Publication.objects.filter(channel=f"room:{room.pk}").exists()


@pytest.mark.parametrize("who", ["a guest", "a deactivated user", "a deleted user"])
def test_who_is_no_active_user_cannot_write(ann: User, room: Room, who: str) -> None:
    author_id = ann.pk if who != "a guest" else None
    if who == "a deactivated user":
        User.objects.filter(pk=ann.pk).update(is_active=False)
    elif who == "a deleted user":
        ann.delete()
    with pytest.raises(actions.NotSignedIn):
        actions.post_message(room_id=room.pk, author_id=author_id, text="x")
    assert not Message.objects.exists()


def test_a_message_into_a_room_that_is_gone_stores_and_publishes_nothing(ann: User, room: Room) -> None:
    channel = f"room:{room.pk}"
    gone = room.pk
    room.delete()
    with pytest.raises(actions.NoSuchRoom):
        actions.post_message(room_id=gone, author_id=ann.pk, text="x")
    assert not Message.objects.exists()
    assert not Publication.objects.filter(channel=channel).exists()


def test_what_somebody_wrote_keeps_their_name_when_the_account_is_gone(ann: User, room: Room) -> None:
    actions.post_message(room_id=room.pk, author_id=ann.pk, text="hi")
    ann.delete()
    assert Message.objects.get().username == "ann"


@pytest.mark.slow
def test_a_page_shows_the_last_fifty_messages_oldest_first(ann: User, room: Room) -> None:
    for number in range(52):
        actions.post_message(room_id=room.pk, author_id=ann.pk, text=str(number))
    assert [message.text for message in queries.latest_messages(room)] == [str(number) for number in range(2, 52)]
    assert queries.cursor_for(room).endswith(".52")


def test_rooms_are_listed_the_liveliest_first(ann: User) -> None:
    first, second, third = (actions.create_room(name=name, creator=ann) for name in "abc")
    actions.post_message(room_id=second.pk, author_id=ann.pk, text="x")
    actions.post_message(room_id=first.pk, author_id=ann.pk, text="x")
    assert list(queries.rooms(None)) == [first, second, third]


def test_signed_in_users_make_rooms_and_guests_are_sent_to_the_login(client: Client, ann: User) -> None:
    assert client.post("/chat/", {"name": "new"}).headers["Location"].startswith("/accounts/login/")
    assert not Room.objects.exists()
    client.force_login(ann)
    response = client.post("/chat/", {"name": "комната"})
    assert (response.status_code, Room.objects.get().name) == (302, "комната")
    assert client.get(response.headers["Location"]).status_code == 200


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a\0b", "x" * 65, "<script>", "lobby"], ids=ascii)
def test_a_name_that_cannot_be_is_told_at_the_form(client: Client, ann: User, room: Room, name: str) -> None:
    client.force_login(ann)
    response = client.post("/chat/", {"name": name})
    assert response.status_code == 422
    assert response.context["form"].errors["name"]
    assert Room.objects.count() == 1


@pytest.mark.whole_table
@pytest.mark.parametrize("path", ["/chat/nothing/", "/chat/a%00b/", "/chat/..%2Fadmin/", "/chat/%FF/", "/chat/%20/"])
def test_a_room_that_is_not_there_is_not_found(client: Client, room: Room, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_message_is_text_on_the_page(client: Client, ann: User, room: Room) -> None:
    actions.post_message(room_id=room.pk, author_id=ann.pk, text="<script>alert(1)</script>")
    page = client.get("/chat/lobby/").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
