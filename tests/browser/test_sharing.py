"""The tabs of a browser share one connection."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocket, expect

from lab.harness.environment import SESSION_COOKIE
from lab.harness.waiting import wait_for
from tests.browser.conftest import TIMEOUT, Visitors
from tests.browser.page_parts import (
    alerts,
    bell,
    message_box,
    messages,
    send_message,
    wait_until_in_room,
    wait_until_live,
    wait_until_loaded,
)
from tests.support.live import LiveHub

Notify = Callable[..., None]


class Connections:
    """The client connections of a browser: the page that opened each, and whether it is open."""

    def __init__(self, context: BrowserContext) -> None:
        self.opened: list[tuple[Page, WebSocket]] = []
        context.on("page", self._watch)
        for page in context.pages:
            self._watch(page)

    def _watch(self, page: Page) -> None:
        page.on("websocket", lambda socket: self.opened.append((page, socket)))

    @property
    def now(self) -> list[Page]:
        """The pages that hold an open connection."""
        return [page for page, socket in self.opened if not page.is_closed() and not socket.is_closed()]

    def are_held_by(self, *pages: Page) -> None:
        def look() -> bool:
            if pages:
                pages[0].title()  # makes Playwright process pending events
            return self.now == list(pages)

        wait_for(look, timeout=TIMEOUT / 1000, that="these pages and no others hold connections")


def three_tabs(visitor: Visitors, name: str, path: str) -> tuple[list[Page], Connections]:
    first = visitor(name)
    connections = Connections(first.context)
    tabs = [first, first.context.new_page(), first.context.new_page()]
    for tab in tabs:
        tab.goto(path)
        wait_until_live(tab)
    return tabs, connections


def test_tabs_share_one_connection_and_the_next_tab_takes_over(visitor: Visitors, notify: Notify) -> None:
    (first, second, third), connections = three_tabs(visitor, "sharer", "/notifications/")
    connections.are_held_by(first)
    notify("through one connection", to="user:sharer")
    for tab in (first, second, third):
        expect(alerts(tab).first).to_contain_text("through one connection")
    first.close()
    notify("while nobody leads", to="user:sharer")
    for tab in (second, third):
        expect(alerts(tab).first).to_contain_text("while nobody leads")
    connections.are_held_by(second)
    second.close()
    notify("to the last one", to="user:sharer")
    for number, text in enumerate(["to the last one", "while nobody leads", "through one connection"]):
        expect(alerts(third).nth(number)).to_contain_text(text)
        expect(alerts(third).filter(has_text=text)).to_have_count(1)
    connections.are_held_by(third)
    expect(bell(third)).to_have_accessible_name("Alerts: 3 unread alerts")


def test_crashed_tab_hands_over_the_connection(visitor: Visitors, notify: Notify) -> None:
    first = visitor("crasher")
    second = first.context.new_page()
    for tab in (first, second):
        tab.goto("/notifications/")
        wait_until_live(tab)
    with first.expect_event("crash"):
        first.context.new_cdp_session(first).send("Page.navigate", {"url": "chrome://crash"})
    notify("after the crash", to="user:crasher")
    expect(alerts(second).filter(has_text="after the crash")).to_have_count(1)


def test_hanging_tab_loses_the_connection_and_misses_nothing(visitor: Visitors, notify: Notify) -> None:
    first = visitor("hanger")
    connections = Connections(first.context)
    second = first.context.new_page()
    for tab in (first, second):
        tab.goto("/notifications/")
        wait_until_live(tab)
        wait_until_loaded(tab)
    notify("before it hung", to="user:hanger")
    expect(alerts(first).filter(has_text="before it hung")).to_have_count(1)
    # A dialog that nobody answers stops everything in its tab.
    with first.expect_event("dialog") as opened:
        first.evaluate("setTimeout(() => alert('nobody answers'))")
    notify("while it hung", to="user:hanger")
    second.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(alerts(second).filter(has_text="while it hung")).to_have_count(1, timeout=2 * TIMEOUT)
    wait_until_live(second)
    opened.value.accept()
    connections.are_held_by(second)
    notify("after it hung", to="user:hanger")
    for tab in (second, first):
        for text in ("after it hung", "while it hung", "before it hung"):
            expect(alerts(tab).filter(has_text=text)).to_have_count(1)
        wait_until_live(tab)


def test_suspended_tab_hands_over_the_connection_and_misses_nothing(visitor: Visitors, notify: Notify) -> None:
    (first, second, _), connections = three_tabs(visitor, "sleeper", "/notifications/")
    first.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    connections.are_held_by(second)
    notify("while it slept", to="user:sleeper")
    expect(alerts(second).first).to_contain_text("while it slept")
    first.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(alerts(first).first).to_contain_text("while it slept")
    notify("when it was back", to="user:sleeper")
    expect(alerts(first).first).to_contain_text("when it was back")
    connections.are_held_by(second)


def test_tabs_are_in_different_rooms_over_one_connection(visitor: Visitors, room: str) -> None:
    talker = visitor("two-rooms")
    connections = Connections(talker.context)
    other = talker.context.new_page()
    talker.goto(room)
    wait_until_in_room(talker)
    other.goto("/notifications/")
    wait_until_loaded(other)
    other.goto(room)
    wait_until_in_room(other)
    grace = visitor("grace")
    grace.goto(room)
    wait_until_in_room(grace)
    send_message(other, "from the second tab")
    for page in (talker, other, grace):
        expect(messages(page).filter(has_text="from the second tab")).to_have_count(1)
    connections.are_held_by(talker)
    expect(grace.get_by_text("Here: grace and two-rooms")).to_be_visible()
    talker.close()
    send_message(other, "alone now")
    expect(messages(grace).filter(has_text="alone now")).to_have_count(1)
    expect(messages(other).filter(has_text="alone now")).to_have_count(1)
    connections.are_held_by(other)


def test_message_in_flight_during_a_handover_is_posted_once(visitor: Visitors, room: str) -> None:
    leader, grace = visitor("mover"), visitor("grace")
    follower = leader.context.new_page()
    for page in (leader, follower, grace):
        page.goto(room)
        wait_until_in_room(page)
    message_box(follower).fill("on its way")
    # The tab that has the connection takes the message, and goes before it has sent or answered anything.
    leader.evaluate("WebSocket.prototype.send = () => {}")
    message_box(follower).press("Enter")
    expect(messages(follower).filter(has_text="on its way")).to_have_count(1)
    leader.close()
    for page in (follower, grace):
        expect(messages(page).filter(has_text="on its way")).to_have_count(1)
    expect(follower.locator(".sending")).to_have_count(0)


def test_page_without_web_locks_has_a_connection_of_its_own(visitor: Visitors, notify: Notify) -> None:
    first = visitor("lockless")
    first.context.add_init_script("delete Navigator.prototype.locks")
    connections = Connections(first.context)
    second = first.context.new_page()
    for tab in (first, second):
        tab.goto("/notifications/")
        wait_until_live(tab)
    notify("to each by itself", to="user:lockless")
    for tab in (first, second):
        expect(alerts(tab).first).to_contain_text("to each by itself")
    connections.are_held_by(first, second)


@pytest.mark.parametrize(
    ("name", "forbidden"),
    [
        ("lock-denied", "navigator.locks && (navigator.locks.request = () => Promise.reject(denied))"),
        ("channel-denied", "globalThis.BroadcastChannel = class { constructor() { throw denied; } }"),
    ],
    ids=["locks", "channels"],
)
def test_page_without_storage_access_has_a_connection_of_its_own(
    visitor: Visitors, notify: Notify, name: str, forbidden: str
) -> None:
    first = visitor(name)
    first.context.add_init_script(f"const denied = new DOMException('denied', 'SecurityError'); {forbidden}")
    connections = Connections(first.context)
    second = first.context.new_page()
    for tab in (first, second):
        tab.goto("/notifications/")
        wait_until_live(tab)
    notify("to each by itself", to=f"user:{name}")
    for tab in (first, second):
        expect(alerts(tab).filter(has_text="to each by itself")).to_have_count(1)
    connections.are_held_by(first, second)


def test_log_out_in_one_tab_shows_in_all_tabs(visitor: Visitors) -> None:
    (first, second, third), connections = three_tabs(visitor, "leaver", "/chat/")
    second.get_by_label("Account of leaver").click()
    second.get_by_role("button", name="Log out").click()
    expect(second.get_by_text("You are a guest")).to_be_visible()
    wait_until_live(second)
    for tab in (first, third):
        expect(tab.get_by_role("banner").get_by_text("Disconnected", exact=True)).to_be_visible()
    connections.are_held_by(second)


def test_new_log_in_connects_while_old_tabs_are_open(visitor: Visitors, hub: LiveHub) -> None:
    old = visitor("returner")
    old.goto("/chat/")
    wait_until_live(old)
    hub.shell(
        "from django.contrib.sessions.models import Session; Session.objects.filter(pk=key).delete()\n"
        "from hub.users import user_id\n"
        "from tests.support.people import User\n"
        "from hub.access.control import DisconnectUser, send\n"
        "send(DisconnectUser(user=user_id(User.objects.get(username='returner')), code=3500, reason='invalid token'))",
        key=old.context.cookies()[0]["value"],
    )
    expect(old.get_by_role("banner").get_by_text("Disconnected", exact=True)).to_be_visible()
    cookie = hub.create_user("returner")
    old.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": hub.url}])
    new = old.context.new_page()
    new.goto("/chat/")
    wait_until_live(new)
    expect(old.get_by_role("banner").get_by_text("Disconnected", exact=True)).to_be_visible()
