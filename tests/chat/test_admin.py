"""Messages in the admin: seen there, never taken back one by one; a room goes with all of them."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from chat.actions import create_room, post_message
from chat.models import Message, Room

pytestmark = pytest.mark.django_db


@pytest.fixture
def message(admin_user: User) -> Message:
    room = create_room(name="lobby", creator=admin_user)
    return post_message(room_id=room.pk, author_id=admin_user.pk, text="hello there")


def test_message_is_not_deleted_in_the_admin_because_the_stream_still_shows_it(
    admin_client: Client, message: Message
) -> None:
    everything = reverse("admin:chat_message_changelist")
    assert b"hello there" in admin_client.get(everything).content
    delete = reverse("admin:chat_message_delete", args=[message.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    admin_client.post(everything, {"action": "delete_selected", "_selected_action": [message.pk], "post": "yes"})
    assert Message.objects.filter(pk=message.pk).exists()


def test_room_is_deleted_in_the_admin_with_its_messages(admin_client: Client, message: Message) -> None:
    delete = reverse("admin:chat_room_delete", args=[message.room_id])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert not Room.objects.exists()
    assert not Message.objects.exists()
