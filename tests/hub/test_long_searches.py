"""Whatever somebody types into a search, it is answered."""

import pytest
from django.test import Client

from chat.models import Message, Room
from hub.accounts import tokens
from notifications import notify
from tests.support.people import User

pytestmark = pytest.mark.django_db

#: Longer than what SQLite compares, and still short enough for a request.
LONG = ("a" * 60_000, "%" * 19_000, "_" * 19_000, "\ufdfa" * 6_000)


@pytest.fixture(autouse=True)
def rows() -> None:
    """Something to compare with: what is not there is compared with nothing."""
    ada = User.objects.create_user("ada")
    room = Room.objects.create(name="lobby", created_by=ada)
    Message.objects.create(room=room, author=ada, username="ada", text="hello")
    tokens.issue(ada, "laptop")
    notify(to=ada, message="hello")


@pytest.mark.parametrize("text", LONG)
def test_long_text_is_in_the_name_of_no_room(client: Client, text: str) -> None:
    answer = client.get("/chat/", {"q": text})
    assert answer.status_code == 200 and not answer.context["rooms"].object_list


@pytest.mark.whole_table
@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        pytest.param("hub_people/user", marks=pytest.mark.own_user_model),
        "hub_chat/room",
        "hub_chat/message",
        "hub_notifications/notification",
        "hub_accounts/accesstoken",
    ],
)
def test_search_of_the_admin_fails_for_nothing_that_is_typed(admin_client: Client, page: str) -> None:
    for text in LONG:
        assert admin_client.get(f"/admin/{page}/", {"q": text}).status_code in (200, 400)
