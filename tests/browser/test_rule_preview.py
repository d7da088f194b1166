"""A rule without code in the admin: its form and its preview, on a hub that lets rules be made of a model."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.browser.test_staff_pages import own_faults
from tests.support.live import LiveHub, hub_with

SETTINGS = """
from hub.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "rooms_of_rules"]
"""

APP = """
from django.apps import AppConfig

class Rooms(AppConfig):
    name = "rooms_of_rules"

    def ready(self):
        from chat.models import Room
        from notifications import open_to_rules

        open_to_rules(Room, fields=["id", "name"], recipients=[])
"""

RULE = """
from chat.models import Room
from tests.support.people import User
from notifications.saved_rules.models import SavedRule

User.objects.filter(username="staff-of-rules").update(is_superuser=True)
Room.objects.create(name="preview-of-a-rule")
rule = dict(name="rooms", model="hub_chat.room", on_created=True, recipients="everyone")
print(SavedRule.objects.create(**rule, message="New: {name}").pk)
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    """A hub with the app above."""
    files = {"rules_settings.py": SETTINGS, "rooms_of_rules/__init__.py": "", "rooms_of_rules/apps.py": APP}
    with hub_with(tmp_path_factory.mktemp("rules"), files, settings="rules_settings") as running:
        yield running


def test_preview_says_what_would_be_sent_and_the_form_what_is_wrong(visitor: Visitors, hub: LiveHub) -> None:
    # Of axe itself: the policy forbids the styles with which it measures, and it reads style sheets.
    visitor.expect_in_console("inline style", "preload")
    page = visitor("staff-of-rules", staff=True)
    rule = f"/admin/hub_notifications/savedrule/{hub.shell(RULE)}"
    page.goto(f"{rule}/preview/")
    expect(page.get_by_role("cell", name="New: preview-of-a-rule")).to_be_visible()
    assert own_faults(page) == []
    page.goto(f"{rule}/trial/")
    expect(page.get_by_text("The rule is not on trial")).to_be_visible()
    assert own_faults(page) == []
    page.goto(f"{rule}/change/")
    page.get_by_label("Message").fill("New: {nothing}")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Please correct the error")).to_be_visible()
    assert own_faults(page) == []
