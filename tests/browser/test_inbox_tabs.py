"""The tabs of the inbox: in the address of the page, searched one by one, and what is done to all of one."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import alerts, bell, wait_until_live, wait_until_loaded
from tests.browser.test_bundles import comment, members, rows, toggle
from tests.browser.test_inbox import alert, no_other_alerts, open_tab, send, tab, undo
from tests.support.live import LiveHub

pytestmark = pytest.mark.usefixtures(no_other_alerts.__name__)


def test_open_tab_stands_in_the_address_for_reloads_links_and_going_back(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("tabs-ada")
    send(hub, "tabs-ada", "kept", "stays")
    page.goto("/notifications/?from=mail#top")
    alert(page, "kept").get_by_role("button", name="Archive it").click()
    open_tab(page, "Archive")
    expect(alerts(page)).to_contain_text(["kept"])
    expect(page).to_have_url(re.compile(r"/notifications/\?from=mail&tab=archived#top$"))
    page.reload()
    expect(tab(page, "Archive")).to_have_attribute("aria-selected", "true")
    expect(alerts(page)).to_contain_text(["kept"])
    open_tab(page, "Unread")
    page.go_back()
    expect(tab(page, "Archive")).to_have_attribute("aria-selected", "true")
    expect(alerts(page)).to_contain_text(["kept"])
    page.go_back()
    expect(tab(page, "Inbox")).to_have_attribute("aria-selected", "true")
    expect(alerts(page)).to_contain_text(["stays"])
    expect(page).to_have_url(re.compile(r"/notifications/\?from=mail#top$"))
    page.goto("/notifications/?tab=nothing")
    expect(tab(page, "Inbox")).to_have_attribute("aria-selected", "true")


def test_search_says_that_it_looks_in_the_open_tab_and_is_kept_for_the_others(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("tabs-bob")
    send(hub, "tabs-bob", "needle", "hay")
    page.goto("/notifications/")
    alert(page, "needle").get_by_role("button", name="Archive it").click()
    field = page.get_by_role("searchbox", name="Search alerts")
    expect(field).to_have_attribute("placeholder", "Search “Inbox”")
    field.fill("needle")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    expect(page.get_by_text("Only this tab was searched.")).to_be_visible()
    open_tab(page, "Archive")
    expect(field).to_have_attribute("placeholder", "Search “Archive”")
    expect(alerts(page)).to_contain_text(["needle"])


def test_search_opens_the_row_under_which_it_has_found_something(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("tabs-cleo")
    comment(hub, "tabs-cleo", "lunch today", "no", "lunch tomorrow", "fine")
    page.goto("/notifications/")
    wait_until_loaded(page)
    page.get_by_role("searchbox", name="Search alerts").fill("lunch")
    expect(rows(page).get_by_role("button", name="4 alerts found in 2")).to_have_attribute("aria-expanded", "true")
    expect(members(rows(page)).locator(".alert-message")).to_have_text(["fine", "lunch tomorrow", "no", "lunch today"])
    page.get_by_role("searchbox", name="Search alerts").fill("")
    expect(toggle(rows(page), 4)).to_be_visible()


def test_all_are_marked_where_the_button_says_so_and_that_is_undone(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("tabs-dora")
    send(hub, "tabs-dora", "first", "second", "later")
    page.goto("/notifications/")
    alert(page, "later").get_by_role("button", name="Snooze").click()
    page.get_by_role("dialog", name="Snooze until").get_by_role("button", name="Next week").click()
    mark_all = page.get_by_role("main").get_by_role("button", name="Mark all as read")
    for name in ("Snoozed", "Archive"):
        open_tab(page, name)
        expect(mark_all).to_have_count(0)
    open_tab(page, "Inbox")
    mark_all.click()
    expect(bell(page)).to_have_accessible_name("Alerts")
    undo(page)
    expect(bell(page)).to_have_accessible_name("Alerts: 2 unread alerts")
    # In the bell as well.
    page.goto("/topics/")
    wait_until_live(page)
    bell(page).click()
    panel = page.get_by_role("dialog", name="Alerts")
    panel.get_by_role("button", name="Mark all as read").click()
    expect(bell(page)).to_have_accessible_name("Alerts")
    panel.get_by_role("button", name="Undo").click()
    expect(bell(page)).to_have_accessible_name("Alerts: 2 unread alerts")


#: What a field has for its text, and what its placeholder needs.
WIDTHS = """(field) => {
    const style = getComputedStyle(field);
    const measured = document.createElement("canvas").getContext("2d");
    measured.font = style.font;
    const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return [room, measured.measureText(field.placeholder).width];
}"""


@pytest.mark.parametrize("language", ["en", "ru"])
def test_tabs_are_one_line_on_a_phone_and_the_search_is_readable(
    visitor: Visitors, hub: LiveHub, language: str
) -> None:
    page = visitor("tabs-eve", language=language)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/notifications/?tab=snoozed")
    tabs = page.get_by_role("main").get_by_role("tab")
    expect(tabs).to_have_count(4)
    boxes = [one.bounding_box() for one in tabs.all()]
    assert len({box and box["y"] for box in boxes}) == 1
    expect(tabs.last).to_be_in_viewport(ratio=0.9)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    left, of_placeholder = page.get_by_role("main").get_by_role("searchbox").evaluate(WIDTHS)
    assert left >= of_placeholder
