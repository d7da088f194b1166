"""Messages in the admin: seen there, never taken back one by one; a room goes with all of them."""

import pytest
from django.test import Client
from django.urls import reverse

from chat.actions import create_room, post_message
from chat.models import Message, Room
from tests.support.people import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def message(admin_user: User) -> Message:
    room = create_room(name="lobby", creator=admin_user)
    return post_message(room_id=room.pk, author_id=admin_user.pk, text="hello there")


@pytest.mark.slow
def test_message_is_not_deleted_in_the_admin_because_the_stream_still_shows_it(
    admin_client: Client, message: Message
) -> None:
    everything = reverse("admin:hub_chat_message_changelist")
    assert b"hello there" in admin_client.get(everything).content
    delete = reverse("admin:hub_chat_message_delete", args=[message.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    admin_client.post(everything, {"action": "delete_selected", "_selected_action": [message.pk], "post": "yes"})
    assert Message.objects.filter(pk=message.pk).exists()


NOBODY = "Nobody can open the private room “den”"


def warnings(client: Client, address: str, **fields: object) -> bool:
    """Whether saving the room says that nobody can open it."""
    page = client.post(address, {"name": "den", **fields}, follow=True)
    assert page.redirect_chain
    return NOBODY in page.content.decode()


@pytest.mark.slow
@pytest.mark.parametrize("button", ["_save", "_continue", "_addanother"])
def test_private_room_that_nobody_can_open_is_saved_and_said(
    admin_client: Client, admin_user: User, button: str
) -> None:
    ann = User.objects.create_user("ann")
    gone = User.objects.create_user("gone", is_active=False)
    add = reverse("admin:hub_chat_room_add")
    assert warnings(admin_client, add, is_private="on", **{button: "1"})
    room = Room.objects.get()
    assert room.created_by == admin_user and not room.members.exists()
    change = reverse("admin:hub_chat_room_change", args=[room.pk])
    assert warnings(admin_client, change, is_private="on", members=[gone.pk], **{button: "1"})
    assert not warnings(admin_client, change, is_private="on", members=[gone.pk, ann.pk], **{button: "1"})
    assert not warnings(admin_client, change, members=[], **{button: "1"})
    # A public one that becomes private.
    assert warnings(admin_client, change, is_private="on", members=[], **{button: "1"})


def test_room_that_is_changed_keeps_its_creator(admin_client: Client) -> None:
    ann = User.objects.create_user("ann")
    room = create_room(name="den", creator=ann)
    assert not warnings(admin_client, reverse("admin:hub_chat_room_change", args=[room.pk]))
    room.refresh_from_db()
    assert room.created_by == ann


def test_room_is_deleted_in_the_admin_with_its_messages(admin_client: Client, message: Message) -> None:
    delete = reverse("admin:hub_chat_room_delete", args=[message.room_id])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert not Room.objects.exists()
    assert not Message.objects.exists()
