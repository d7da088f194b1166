"""Pages and widgets in languages that are written from the right: turned around, and nothing sticks out."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import (
    EVERY_ROOT,
    alerts,
    bell,
    messages,
    send_message,
    toasts,
    wait_until_in_room,
    wait_until_live,
    wait_until_loaded,
)

Notify = Callable[..., None]

LONG = "https://example.org/" + "a-very-long-address" * 8
TEXTS = ["A message of several words, which takes more than one line on a narrow screen", "שלום עולם", LONG]

#: What is seen and reaches beyond the window, or beyond the bubble that it belongs to.
STICKS_OUT = f"""
() => {{
  const inside = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
  const isSeen = (element) => {{
    const {{ width, height }} = element.getBoundingClientRect();
    return width > 1 && height > 1 && element.checkVisibility({{ visibilityProperty: true, opacityProperty: true }});
  }};
  const window_ = {{ left: 0, right: document.documentElement.clientWidth }};
  return ({EVERY_ROOT})(":not(pre *)") // which scrolls by itself
    .filter((element) => isSeen(element))
    .filter((element) => {{
      const around = element.closest(".bubble, .alert")?.getBoundingClientRect() ?? window_;
      return !inside(element.getBoundingClientRect(), around);
    }})
    .map((element) => element.outerHTML.slice(0, 200));
}}
"""


#: Shows a state of the connection as the page does it; returns its words.
SHOW_STATE = """
(element, state) => {
  element.dataset.status = state;
  return (element.querySelector("[data-status-text]").textContent = element.getAttribute(`data-text-${state}`));
}
"""


def turned_around(page: Page) -> None:
    page.add_init_script("addEventListener('DOMContentLoaded', () => { document.documentElement.dir = 'rtl'; })")


def nothing_sticks_out(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(STICKS_OUT) == []


def test_widgets_turn_around_in_languages_that_are_written_from_the_right(
    visitor: Visitors, room: str, notify: Notify
) -> None:
    page = visitor("right-to-left")
    turned_around(page)
    page.goto(room)
    wait_until_in_room(page)
    send_message(page, "mine")
    expect(messages(page).filter(has_text="mine")).to_have_count(1)
    expect(page.locator(".sending")).to_have_count(0)
    mine = messages(page).filter(has_text="mine").locator(".bubble").bounding_box()
    area = page.get_by_role("region", name="Conversation").bounding_box()
    assert mine
    assert area
    assert mine["x"] - area["x"] < 60
    assert page.evaluate("document.documentElement.scrollWidth") <= 1100
    page.goto("/notifications/")
    wait_until_loaded(page)
    notify("turned around", to="user:right-to-left")
    mark = alerts(page).first.get_by_role("button", name="Mark as read").bounding_box()
    assert mark
    assert mark["x"] < 200
    page.goto("/")
    wait_until_live(page)
    notify("from the other side", to="user:right-to-left")
    shown = toasts(page).bounding_box()
    assert shown
    assert shown["x"] < 60


@pytest.mark.parametrize("rtl", [True, False], ids=["from the right", "from the left"])
def test_nothing_sticks_out_of_a_small_screen(visitor: Visitors, room: str, notify: Notify, rtl: bool) -> None:
    page, grace = visitor("narrow-writer", staff=True), visitor("grace")
    page.set_viewport_size({"width": 360, "height": 760})
    if rtl:
        turned_around(page)
    for person in (grace, page):
        person.goto(room)
        wait_until_in_room(person)
        for text in TEXTS:
            send_message(person, text)
            expect(messages(person).filter(has_text=text)).not_to_have_count(0)
    expect(page.locator(".sending")).to_have_count(0)
    expect(page.get_by_text("Here: grace and narrow-writer")).to_be_visible()
    nothing_sticks_out(page, 360)
    for text in TEXTS:
        notify(text, to="user:narrow-writer", title=text[:100], url="/chat/", level="warning")
    for path in ("/", "/notifications/", "/chat/", "/online/", "/accounts/tokens/"):
        page.goto(path)
        wait_until_live(page)
        if path == "/notifications/":
            wait_until_loaded(page)
            expect(alerts(page).filter(has_text="several words")).not_to_have_count(0)
        nothing_sticks_out(page, 360)
    notify(LONG, to="user:narrow-writer", title=LONG[:100])
    expect(toasts(page)).to_have_count(1)
    nothing_sticks_out(page, 360)
    bell(page).click()
    expect(page.get_by_role("dialog", name="Alerts").locator("li")).not_to_have_count(0)
    nothing_sticks_out(page, 360)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("width", [320, 480, 1100])
def test_navigation_is_seen_whole(visitor: Visitors, language: str, width: int) -> None:
    page = visitor("navigator", language=language)
    page.set_viewport_size({"width": width, "height": 760})
    page.goto("/")
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "connected")
    expect(page.locator(".top hub-online[ready]")).to_have_count(1)
    nav = page.locator("nav.nav")
    menu = page.locator(".nav-button")
    if width < 500:  # one row, with the places to go behind a button
        expect(nav).to_be_hidden()
        assert page.locator(".top").evaluate("top => top.offsetHeight") < 60
        menu.press("Enter")
        page.keyboard.press("Tab")
        expect(nav.get_by_role("link").first).to_be_focused()
        nothing_sticks_out(page, width)
    expect(nav).to_be_visible()
    seen, needed = nav.evaluate("nav => [nav.clientWidth, nav.scrollWidth]")
    assert needed <= seen
    if width < 500:
        page.keyboard.press("Escape")
        expect(nav).to_be_hidden()
        expect(menu).to_be_focused()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_header_of_a_guest_is_one_row_in_each_state(visitor: Visitors, language: str) -> None:
    page = visitor(language=language)
    page.goto("/")
    status = page.locator("[data-status]")
    expect(status).to_have_attribute("data-status", "connected")
    for width in (320, 360):
        page.set_viewport_size({"width": width, "height": 760})
        for state in ("connecting", "connected", "reconnecting", "closed"):
            said = status.evaluate(SHOW_STATE, state)
            expect(status).to_contain_text(said)  # also where its dot alone is seen
            assert page.locator(".top").evaluate("top => top.offsetHeight") < 60
            nothing_sticks_out(page, width)
