"""Pages show who is logged in, so no cache keeps them: not a shared one, and not that of the next person's browser."""

import pytest
from django.test import Client
from django.urls import reverse

from chat.actions import create_room
from tests.support.people import User

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.mark.parametrize("name", ["hub:home", "hub:notifications:list", "hub:chat:rooms", "hub:presence:online"])
def test_page_is_not_kept_by_caches(admin_client: Client, name: str) -> None:
    assert_not_kept(admin_client, reverse(name))


def test_room_is_not_kept_by_caches(admin_client: Client, admin_user: User) -> None:
    assert_not_kept(admin_client, create_room(name="lobby", creator=admin_user).get_absolute_url())


def assert_not_kept(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert {"no-store", "private"} <= set(response["Cache-Control"].split(", "))
