"""Rows that stand for several alerts: in the inbox and in the bell, by click and by keys, live on every device."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import bell, toasts, wait_until_live
from tests.browser.test_inbox import no_other_alerts
from tests.browser.test_pages import SMALL, faults
from tests.support.live import LiveHub

pytestmark = pytest.mark.usefixtures(no_other_alerts.__name__)


def comment(hub: LiveHub, name: str, *texts: str, by: str = "photo") -> None:
    hub.shell(
        "from notifications import notify\n"
        "for text in texts: notify(to=f'user:{name}', message=text, group_by=by, key=text)",
        name=name,
        texts=texts,
        by=by,
    )


def rows(page: Page) -> Locator:
    return page.get_by_role("main").locator("hub-inbox .list > li")


def toggle(row: Locator, count: int) -> Locator:
    return row.get_by_role("button", name=f"{count} alerts", exact=True)


def members(row: Locator) -> Locator:
    return row.get_by_role("list").get_by_role("listitem")


def test_row_opens_to_each_alert_and_stays_open_while_others_join(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("bundle-ada")
    comment(hub, "bundle-ada", "one", "two", "three")
    page.goto("/notifications/")
    wait_until_live(page)
    expect(rows(page)).to_have_count(1)
    expect(members(rows(page))).to_have_count(0)
    toggle(rows(page), 3).click()
    expect(toggle(rows(page), 3)).to_have_attribute("aria-expanded", "true")
    expect(members(rows(page)).locator(".alert-message")).to_have_text(["three", "two", "one"])
    comment(hub, "bundle-ada", "four")
    expect(members(rows(page)).locator(".alert-message")).to_have_text(["four", "three", "two", "one"])
    expect(bell(page)).to_have_accessible_name("Alerts: 1 unread alert")
    hub.shell("from notifications import retract\nretract(key='four'); retract(key='one')")
    expect(members(rows(page)).locator(".alert-message")).to_have_text(["three", "two"])
    toggle(rows(page), 2).click()
    expect(members(rows(page))).to_have_count(0)


def test_row_opens_and_closes_by_keys(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("bundle-bob")
    comment(hub, "bundle-bob", "alone", by="other")
    comment(hub, "bundle-bob", "one", "two")
    page.goto("/notifications/")
    wait_until_live(page)
    rows(page).first.focus()
    page.keyboard.press("ArrowRight")
    expect(members(rows(page).first)).to_have_count(2)
    page.keyboard.press("ArrowDown")
    expect(rows(page).nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    expect(members(rows(page).first)).to_have_count(0)
    expect(toggle(rows(page).first, 2)).to_have_attribute("aria-expanded", "false")


def test_row_is_archived_as_a_whole_on_every_device_and_the_next_begins_another(
    visitor: Visitors, hub: LiveHub
) -> None:
    laptop, phone = visitor("bundle-cem"), visitor("bundle-cem")
    comment(hub, "bundle-cem", "one", "two")
    for page in (laptop, phone):
        page.goto("/notifications/")
        wait_until_live(page)
        expect(rows(page)).to_have_count(1)
    rows(laptop).get_by_role("button", name="Archive it").click()
    for page in (laptop, phone):
        expect(rows(page)).to_have_count(0)
        expect(bell(page)).to_have_accessible_name("Alerts")
    comment(hub, "bundle-cem", "three")
    for page in (laptop, phone):
        expect(rows(page)).to_have_count(1)
        expect(rows(page).get_by_role("button", name="alerts")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_axe_finds_no_serious_fault_in_an_open_row(visitor: Visitors, hub: LiveHub, language: str) -> None:
    page = visitor(f"bundle-{language}", language=language, dark=language == "ru")
    comment(hub, f"bundle-{language}", "one", "two")
    page.goto("/notifications/")
    expect(rows(page)).to_have_count(1)
    rows(page).locator(".bundle-toggle").click()
    expect(members(rows(page))).to_have_count(2)
    assert faults(page) == []
    assert page.evaluate(SMALL) == []


def test_bell_opens_a_row(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("bundle-dan")
    comment(hub, "bundle-dan", "one", "two")
    page.goto("/chat/")
    wait_until_live(page)
    bell(page).click()
    row = page.get_by_role("dialog", name="Alerts").locator(".list > li")
    toggle(row, 2).click()
    expect(members(row)).to_have_count(2)


def muted(row: Locator) -> Locator:
    return row.locator(".alert-muted")


def test_conversation_is_muted_from_its_row_and_unmuted_on_another_device(visitor: Visitors, hub: LiveHub) -> None:
    page, phone = visitor("mute-ada"), visitor("mute-ada")
    phone.set_viewport_size({"width": 360, "height": 740})
    comment(hub, "mute-ada", "alone", by="")
    comment(hub, "mute-ada", "one", "two")
    for one in (page, phone):
        one.goto("/notifications/")
        wait_until_live(one)
    talk = rows(page).first
    button = talk.get_by_role("button", name="Mute this conversation")
    expect(rows(page).nth(1).get_by_role("button", name="Mute this conversation")).to_have_count(0)
    button.click()
    menu = page.get_by_role("dialog", name="Mute this conversation")
    expect(menu.get_by_role("button")).to_have_text(["For an hour", "Until tomorrow", "Until I say so"])
    expect(menu.get_by_role("button", name="For an hour")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This conversation is muted")).to_be_visible()
    expect(button).to_be_focused()
    for one in (page, phone):
        expect(muted(rows(one).first)).to_have_text("Muted")
    elsewhere = visitor("mute-ada")
    elsewhere.goto("/topics/")
    wait_until_live(elsewhere)
    comment(hub, "mute-ada", "three")
    comment(hub, "mute-ada", "loud", by="other")
    expect(toasts(elsewhere)).to_have_text([re.compile("loud")])
    for one in (page, phone):
        expect(muted(rows(one).nth(1))).to_have_text("Muted")
        expect(toggle(rows(one).nth(1), 3)).to_be_visible()
    row = rows(phone).nth(1)
    row.get_by_role("button", name="Mute this conversation").click()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults(phone) == []
    phone.get_by_role("dialog").get_by_role("button", name="Unmute").click()
    expect(phone.get_by_text("This conversation is no longer muted")).to_be_visible()
    for one in (page, phone):
        expect(muted(rows(one).nth(1))).to_have_count(0)


def test_mute_is_undone_by_key_and_on_the_page_of_preferences(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("mute-bob")
    comment(hub, "mute-bob", "talk of the town")
    page.goto("/notifications/")
    wait_until_live(page)
    for _undo in range(2):
        rows(page).first.focus()
        page.keyboard.press("m")
        page.keyboard.press("Enter")
        expect(page.get_by_text("This conversation is muted")).to_be_visible()
        expect(muted(rows(page).first)).to_contain_text("Muted until")
        page.keyboard.press("u")
        expect(muted(rows(page).first)).to_have_count(0)
    rows(page).first.focus()
    page.keyboard.press("m")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This conversation is muted")).to_be_visible()
    page.goto("/notifications/preferences/")
    expect(page.get_by_text("talk of the town is muted until")).to_be_visible()
    page.get_by_role("combobox", name="Mute: talk of the town").select_option("on")
    page.get_by_role("main").get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("talk of the town")).to_have_count(0)
