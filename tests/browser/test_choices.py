"""What people choose, in a browser: what many share is silent or hidden, and the page of preferences mutes it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import alerts, bell, toasts, wait_until_live, wait_until_loaded
from tests.browser.test_pages import faults
from tests.support.live import LiveHub

Notify = Callable[..., None]


def choose(hub: LiveHub, name: str, choice: str) -> None:
    """Have this person choose something: the fields of a ``Wish``."""
    hub.shell(
        "from tests.support.people import User\n"
        "from notifications.preferences.stored import Wish, change\n"
        f"change(User.objects.get(username=name), wishes=[Wish({choice})])",
        name=name,
    )


def save(page: Page) -> None:
    page.get_by_role("main").get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("Your choice is stored.")).to_be_visible()


def test_what_is_muted_is_listed_and_counted_and_does_not_pop_up(
    visitor: Visitors, hub: LiveHub, notify: Notify
) -> None:
    page, other = visitor("choosing-ada"), visitor("choosing-ada")
    other.goto("/chat/")
    wait_until_live(other)
    page.goto("/notifications/preferences/")
    page.get_by_role("combobox", name="Mute: To everyone").select_option("hour")
    save(page)
    expect(page.get_by_text("To everyone is muted until")).to_be_visible()
    notify("quietly, to everyone")
    notify("to you", to="user:choosing-ada")
    expect(bell(other)).to_have_accessible_name("Alerts: 2 unread alerts")
    expect(toasts(other)).to_have_count(1)
    expect(toasts(other)).to_contain_text("to you")
    # What is off for the list is neither in it nor counted, on every page and at once.
    choose(hub, "choosing-ada", "'inbox', False, plain=True")
    expect(bell(other)).to_have_accessible_name("Alerts")
    notify("not for you")
    page.goto("/notifications/")
    wait_until_loaded(page)
    sent = ("quietly, to everyone", "to you", "not for you")
    for text in sent:
        expect(alerts(page).filter(has=page.get_by_text(text, exact=True))).to_have_count(0)
    choose(hub, "choosing-ada", "'inbox', None, plain=True")
    for text in sent:
        expect(alerts(page).filter(has=page.get_by_text(text, exact=True))).to_have_count(1)
    expect(bell(other)).to_have_accessible_name("Alerts: 3 unread alerts")
    expect(toasts(other).filter(has_text="not for you")).to_have_count(0)


def test_plan_is_filled_in_by_keyboard_and_says_what_is_missing(visitor: Visitors) -> None:
    visitor.expect_in_console("a status of 400")  # of the form that is not whole
    page = visitor("choosing-bob")
    page.goto("/notifications/preferences/")
    expect(page.get_by_text("Alerts may interrupt you at any time.")).to_be_visible()
    page.get_by_text("Add hours").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("From").nth(1).fill("09:00")
    page.keyboard.press("Enter")
    expect(page.get_by_text("These hours have a beginning and an end.")).to_be_visible()
    page.get_by_label("To").nth(1).fill("18:00")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your choice is stored.")).to_be_visible()
    expect(page.get_by_text("Alerts interrupt you in these hours only: 9 a.m.–6 p.m. every day.")).to_be_visible()


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ru", True)], ids=["light", "russian-dark"])
def test_axe_finds_no_serious_fault_and_a_phone_shows_all_of_the_page(
    visitor: Visitors, language: str, dark: bool
) -> None:
    page = visitor("choosing-cleo", language=language, dark=dark)
    page.goto("/notifications/preferences/")
    for hours in page.locator(".preferences-plan summary").all():
        hours.click()
    assert faults(page) == []
    page.set_viewport_size({"width": 360, "height": 760})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
