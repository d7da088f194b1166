"""Nothing that people write is cut without a word: it is taken whole, or refused in a sentence."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from chat.models import Room
from hub.validation.messages import BadMessage, message_in
from hub.validation.text import MESSAGE_LIMIT
from lab.harness.environment import BASE_DIR
from notifications.saved_rules.models import SavedRule
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = [
    "/accounts/login/",
    "/accounts/mail/",
    "/accounts/password/",
    "/accounts/signup/",
    "/accounts/tokens/",
    "/admin/hub_notifications/notification/compose/",
    "/admin/login/",
    "/chat/",
    "/notifications/",
    "/notifications/preferences/",
    "/schedules/new/",
]


@pytest.mark.parametrize("page", PAGES)
def test_no_box_of_a_page_cuts_what_is_pasted(client: Client, settings: Settings, page: str) -> None:
    settings.HUB_SIGNUP = True
    if "login" not in page and "signup" not in page:
        client.force_login(User.objects.create_superuser("boss"))
    content = client.get(page).content.decode()
    assert "<input" in content or "<textarea" in content
    assert "maxlength" not in content


@pytest.mark.slow
@pytest.mark.own_user_model
def test_no_box_of_the_admin_cuts_what_is_pasted(admin_client: Client) -> None:
    own = {"chat", "hub", "notifications", "worker"}
    pages = {
        model: f"admin:{model._meta.app_label}_{model._meta.model_name}_add"
        for model, page in admin.site._registry.items()
        if type(page).__module__.partition(".")[0] in own
    }
    contents = {model: admin_client.get(reverse(page)).content.decode() for model, page in pages.items()}
    assert {Room, SavedRule, User} <= {model for model, content in contents.items() if 'type="text"' in content}
    assert [model for model, content in contents.items() if "maxlength" in content] == []


def test_no_template_and_no_script_cuts() -> None:
    sources = [*(BASE_DIR / "templates").rglob("*.html"), *(BASE_DIR / "static" / "hub" / "js").rglob("*.js")]
    cutting = [path for path in sources if re.search(r"maxlength\b[^\"'`]*[=:]", path.read_text(), re.IGNORECASE)]
    assert cutting == []


@pytest.mark.parametrize("character", ["x", "ж", "👍", "部", "\U00020000"])
def test_message_is_counted_in_code_points(character: str) -> None:
    assert message_in({"message": character * MESSAGE_LIMIT}) == character * MESSAGE_LIMIT
    with pytest.raises(BadMessage) as refused:
        message_in({"message": character * (MESSAGE_LIMIT + 1)})
    assert refused.value.word == "message_too_long"


@pytest.mark.parametrize("character", ["x", "ж", "\U00020000"])
def test_room_name_is_counted_in_code_points_and_refused_in_a_sentence(client: Client, character: str) -> None:
    client.force_login(User.objects.create_user("ann"))
    assert client.post("/chat/", {"name": character * 64}).status_code == 302
    answer = client.post("/chat/", {"name": character * 65})
    assert answer.status_code == 422
    assert "at most 64 characters (it has 65)" in answer.content.decode()
    assert [room.name for room in Room.objects.all()] == [character * 64]
