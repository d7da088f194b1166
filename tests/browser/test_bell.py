"""The bell: what is unread, here and in the person's other browsers."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import alerts, bell, toasts, wait_until_live, wait_until_loaded
from tests.browser.proxies import WebSocketProxy

Notify = Callable[..., None]


def panel(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Alerts")


def expect_unread(page: Page, unread: int) -> None:
    """Wait until the bell shows this number, in its badge and in its name."""
    noun = "unread alert" if unread == 1 else "unread alerts"
    expect(bell(page)).to_have_accessible_name(f"Alerts: {unread} {noun}" if unread else "Alerts")
    badge = page.locator("hub-bell .badge")
    if unread:
        expect(badge).to_have_text(str(unread))
    else:
        expect(badge).to_be_hidden()


def test_bell_counts_what_arrives_and_what_is_read(visitor: Visitors, notify: Notify) -> None:
    page = visitor("bell-counter")
    page.goto("/chat/")
    wait_until_live(page)
    expect_unread(page, 0)
    notify("first", to="user:bell-counter")
    expect_unread(page, 1)
    notify("second", to="user:bell-counter")
    notify("third", to="user:bell-counter")
    expect_unread(page, 3)
    bell(page).click()
    second = panel(page).locator("li").filter(has_text="second")
    second.get_by_role("button", name="Mark as read").click()
    expect_unread(page, 2)
    expect(second.get_by_role("button", name="Mark as read")).to_be_hidden()
    page.reload()
    expect_unread(page, 2)
    bell(page).click()
    panel(page).get_by_role("button", name="Mark all as read").click()
    expect_unread(page, 0)
    page.reload()
    wait_until_live(page)
    expect_unread(page, 0)


def test_alert_read_in_one_browser_is_read_in_the_others(visitor: Visitors, notify: Notify) -> None:
    laptop, phone = visitor("bell-traveller"), visitor("bell-traveller")
    laptop.goto("/notifications/")
    phone.goto("/chat/")
    for page in (laptop, phone):
        wait_until_live(page)
    notify("seen on the laptop", to="user:bell-traveller")
    notify("not seen yet", to="user:bell-traveller")
    expect_unread(phone, 2)
    alerts(laptop).filter(has_text="seen on the laptop").get_by_role("button", name="Mark as read").click()
    expect_unread(phone, 1)
    bell(phone).click()
    panel(phone).get_by_role("button", name="Mark all as read").click()
    expect_unread(laptop, 0)
    expect(alerts(laptop).get_by_role("button", name="Mark as read")).to_have_count(0)


def test_alert_that_could_not_be_marked_is_unread_again(visitor: Visitors, notify: Notify) -> None:
    page = visitor("bell-unlucky")
    WebSocketProxy(page, to_hub=lambda frame: frame.replace("inbox.change", "inbox.no_such_method"))
    page.goto("/notifications/")
    wait_until_loaded(page)
    notify("stubborn", to="user:bell-unlucky")
    alert = alerts(page).filter(has_text="stubborn")
    alert.get_by_role("button", name="Mark as read").click()
    expect(page.get_by_role("alert").filter(has_text="This is not available here.")).to_be_visible()
    expect(alert.get_by_role("button", name="Mark as read")).to_be_visible()
    expect_unread(page, 1)


def test_following_a_toast_reads_its_alert(visitor: Visitors, notify: Notify) -> None:
    page = visitor("bell-follower")
    page.goto("/online/")
    wait_until_live(page)
    notify("to the rooms", to="user:bell-follower", url="/chat/")
    expect_unread(page, 1)
    toasts(page).get_by_role("link", name="Open").click()
    expect(page.get_by_role("heading", name="Chat rooms")).to_be_visible()
    expect_unread(page, 0)


def test_bell_works_with_the_keyboard_alone(visitor: Visitors, notify: Notify) -> None:
    page = visitor("bell-typist")
    page.goto("/chat/")
    wait_until_live(page)
    notify("the older", to="user:bell-typist")
    notify("the newer", to="user:bell-typist")
    expect_unread(page, 2)
    bell(page).focus()
    page.keyboard.press("Enter")
    expect(panel(page)).to_be_visible()
    newer, older = (panel(page).locator("li").filter(has_text=text) for text in ("the newer", "the older"))
    while not newer.evaluate("element => element.matches(':focus')"):
        page.keyboard.press("Tab")
        expect(panel(page)).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(older).to_be_focused()
    page.keyboard.press("Enter")
    expect_unread(page, 1)
    page.keyboard.press("ArrowUp")
    expect(newer).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel(page)).to_be_hidden()
    expect(bell(page)).to_be_focused()


def test_bell_tells_screen_readers_what_arrives_where_no_toast_does(visitor: Visitors, notify: Notify) -> None:
    page = visitor("bell-listener")
    page.goto("/chat/")
    wait_until_live(page)
    page.locator("hub-toasts").evaluate("element => element.remove()")
    news = page.locator("hub-bell").get_by_role("status")
    expect(news).to_be_empty()
    for number, said in enumerate(["1 unread alert", "2 unread alerts"]):
        notify(f"heard {number}", to="user:bell-listener")
        expect(news).to_have_text(said)


@pytest.mark.parametrize("width", [1100, 360])
def test_panel_stands_within_the_window(visitor: Visitors, notify: Notify, width: int) -> None:
    page = visitor("bell-narrow")
    page.set_viewport_size({"width": width, "height": 600})
    page.goto("/")
    wait_until_live(page)
    notify("long " * 200, to="user:bell-narrow")
    bell(page).click()
    expect(panel(page).locator("li").first).to_be_visible()
    place = panel(page).bounding_box()
    assert place
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= width
    assert place["y"] + place["height"] <= 600


#: JavaScript: a function of the toasts to what a person would point at in the middle of the last one.
POINTED_AT = """toasts => {
    const toast = toasts.shadowRoot.querySelector("li:last-child").getBoundingClientRect();
    const found = document.elementFromPoint(toast.left + toast.width / 2, toast.top + toast.height / 2);
    return found === toasts ? "the toast" : "something else";
}"""


@pytest.mark.parametrize(("name", "styles"), [("bell-opener", True), ("bell-opener-elsewhere", False)])
def test_toast_does_not_lie_half_under_the_open_list(
    visitor: Visitors, notify: Notify, name: str, styles: bool
) -> None:
    page = visitor(name)
    page.set_viewport_size({"width": 360, "height": 640})
    if not styles:  # as on pages of a team's own
        page.route("**/*.css", lambda route: route.fulfill(content_type="text/css", body=""))
    page.goto("/")
    wait_until_live(page)
    region = page.locator("hub-toasts")
    bell(page).click()
    expect(panel(page)).to_be_visible()
    text = "comes while the list is open"
    notify(text, to=f"user:{name}")
    expect(panel(page).locator("li").filter(has_text=text)).to_have_count(1)
    expect(toasts(page).filter(has_text=text)).to_have_count(1)
    expect(region).to_have_css("clip-path", "inset(100%)")
    page.keyboard.press("Escape")
    expect(region).to_have_css("clip-path", "none")
    assert region.evaluate(POINTED_AT) == "the toast"


def test_guest_has_no_bell(visitor: Visitors) -> None:
    page = visitor()
    page.goto("/")
    wait_until_live(page)
    expect(page.locator("hub-bell")).to_have_count(0)
