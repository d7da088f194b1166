"""The connection state in the header, and how pages come back."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from lab.harness.environment import SESSION_COOKIE
from lab.harness.waiting import wait_for
from tests.browser.conftest import TIMEOUT, Visitors
from tests.browser.page_parts import (
    alerts,
    bell,
    message_box,
    messages,
    toasts,
    wait_until_in_room,
    wait_until_live,
    wait_until_loaded,
)
from tests.browser.proxies import TcpProxy, WebSocketProxy, without_counts
from tests.support.live import LiveHub

#: JavaScript: records the words of the connection state from now on.
RECORD_WORDS = """status => {
    window.words = [];
    const note = () => window.words.push(status.querySelector("[data-status-text]").textContent.trim());
    new MutationObserver(note).observe(status, { attributes: true, attributeFilter: ["data-status"] });
}"""


def recorded_words(page: Page) -> list[str]:
    """The words that the connection state has shown since RECORD_WORDS ran."""
    words: list[str] = page.evaluate("window.words")
    return words


@pytest.mark.parametrize(
    ("code", "words"),
    [(3500, "You have logged in since this page was loaded."), (4999, "The connection was closed. Reload the page")],
)
def test_terminal_close_is_shown_and_not_retried(visitor: Visitors, code: int, words: str) -> None:
    page = visitor()
    page.clock.install()
    proxy = WebSocketProxy(page)
    page.goto("/")
    wait_until_live(page)
    proxy.close(code)
    expect(page.get_by_text("Disconnected", exact=True)).to_be_visible()
    page.clock.run_for(120_000)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    assert len(proxy.sockets) == 1
    expect(page.get_by_role("banner").get_by_role("status").last).to_contain_text(words)
    expect(page.get_by_role("main").get_by_text(words)).to_be_visible()


@pytest.mark.parametrize("code", [1001, 1012, 3001, 4000])
def test_page_reconnects_after_other_close_codes(visitor: Visitors, code: int) -> None:
    page = visitor()
    proxy = WebSocketProxy(page)
    page.goto("/")
    wait_until_live(page)
    page.locator("[data-status]").evaluate(RECORD_WORDS)
    proxy.close(code)
    # The page may be back sooner than a busy machine gets to look.
    wait_for(
        lambda: recorded_words(page)[-1:] == ["Live"],
        timeout=TIMEOUT / 1000,
        that="the page says that it is live again",
    )
    assert "Reconnecting…" in recorded_words(page)
    wait_until_live(page)
    assert len(proxy.sockets) == 2


def test_page_is_live_where_no_websocket_gets_through(visitor: Visitors, hub: LiveHub) -> None:
    visitor.are_cut_off = True
    page = visitor("behind-a-proxy")
    WebSocketProxy(page).close_code = 1006
    page.goto("/notifications/")
    wait_until_loaded(page)
    hub.shell("from notifications import notify; notify(to='user:behind-a-proxy', message='over HTTP')")
    expect(alerts(page).first).to_contain_text("over HTTP")
    alerts(page).first.get_by_role("button", name="Mark as read").click()
    expect(page.get_by_role("main").get_by_text("All read")).to_be_visible()


def test_page_shows_that_the_hub_is_unavailable_and_reconnects(visitor: Visitors) -> None:
    visitor.are_cut_off = True
    page = visitor()
    proxy = WebSocketProxy(page)
    proxy.close_code = 1013
    away = True

    def answer(route: Route) -> None:
        route.abort() if away else route.continue_()

    page.route(re.compile("/connection/(http_stream|sse)"), answer)
    page.goto("/notifications/")
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    proxy.close_code, away = 0, False
    wait_until_live(page)
    wait_until_loaded(page)


def test_screen_readers_hear_of_a_lost_and_restored_connection(visitor: Visitors) -> None:
    visitor.are_cut_off = True
    page = visitor()
    proxy = WebSocketProxy(page)
    page.goto("/")
    wait_until_live(page)
    news = page.get_by_role("banner").locator("[data-status-news]")
    expect(news).to_be_empty()
    proxy.close_code = 1013
    proxy.close(1012)
    expect(news).to_have_text("The connection is lost. Trying again.")
    proxy.close_code = 0
    page.evaluate("window.dispatchEvent(new Event('online'))")
    wait_until_live(page)
    expect(news).to_have_text("The connection is back.")


def test_malformed_publications_do_no_harm(visitor: Visitors) -> None:
    page = visitor("reader-of-nonsense")
    proxy = WebSocketProxy(page, to_page=without_counts)
    page.goto("/")
    wait_until_live(page)
    count = {"type": "presence.online_counted"}
    alert = {"type": "notifications.notification_created"}
    nonsense: tuple[Any, ...] = (
        None,
        [],
        "text",
        5,
        {},
        {"type": 5},
        {"type": "surprise"},
        count,
        count | {"count": "many"},
    )
    for data in nonsense:
        proxy.push("online", data)
        proxy.push("everyone", data)
    proxy.push("everyone", alert)
    proxy.push("everyone", alert | {"id": 1, "message": {"not": "text"}, "title": 7, "level": "toString", "url": 8})
    proxy.push("no:channel", alert)
    proxy.push("online", count | {"count": 5})
    expect(page.get_by_role("banner").get_by_text("5 people online")).to_be_visible()
    expect(toasts(page)).to_have_count(2)
    wait_until_live(page)


#: What a page says, and the link it has for that: its log-in is over, or there is another one by now.
ENDED = ("Your log-in has ended. Log in again to go on.", "Log in")
ANOTHER = ("You have logged in since this page was loaded. Reload it to go on.", "Reload the page")


def has_lost_its_session(page: Page, what: tuple[str, str]) -> None:
    """Wait until the page says so, with one link."""
    words, link = what
    header, over = page.get_by_role("banner"), page.locator("[data-over]")
    expect(header.get_by_text("Disconnected", exact=True)).to_be_visible()
    expect(over.get_by_text(words)).to_be_visible()
    expect(over.get_by_role("link")).to_have_text([link])
    expect(header.locator("[data-status-news]")).to_have_text(words)


def cut_off(page: Page, network: TcpProxy) -> None:
    network.cut()
    expect(page.get_by_role("banner").get_by_text("Reconnecting…", exact=True)).to_be_visible()


def test_page_whose_session_ended_while_it_was_cut_says_so_in_all_tabs(
    visitor: Visitors, network: TcpProxy, hub: LiveHub
) -> None:
    page = visitor("cut-off", port=network.port)
    second = page.context.new_page()
    for tab in (page, second):
        tab.goto("/notifications/")
        wait_until_live(tab)
    cut_off(page, network)
    hub.shell(
        "from hub.accounts.models import Session; Session.objects.filter(session_key=key).delete()",
        key=page.context.cookies()[0]["value"],
    )
    network.restore()
    for tab in (page, second):
        has_lost_its_session(tab, ENDED)
    page.reload()
    expect(page.get_by_role("banner").get_by_role("link", name="Log in")).to_be_visible()
    wait_until_live(page)
    has_lost_its_session(second, ENDED)


def test_page_of_one_person_does_nothing_for_another_who_signed_in_while_it_was_cut(
    visitor: Visitors, network: TcpProxy, hub: LiveHub, room: str
) -> None:
    page = visitor("first-person", port=network.port)
    page.goto(room)
    wait_until_in_room(page)
    cut_off(page, network)
    message_box(page).fill("who wrote this?")
    message_box(page).press("Enter")
    cookie = hub.create_user("second-person")
    page.context.clear_cookies()
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": f"http://127.0.0.1:{network.port}"}])
    network.restore()
    has_lost_its_session(page, ANOTHER)
    hub.shell("from notifications import notify; notify(to='user:second-person', message='a secret')")
    other = page.context.new_page()
    other.goto(room)
    wait_until_in_room(other)
    expect(other.get_by_label("Account of second-person")).to_be_visible()
    expect(messages(other).filter(has_text="who wrote this?")).to_have_count(0)
    expect(toasts(page)).to_have_count(0)
    expect(bell(page)).to_have_accessible_name("Alerts")
    expect(bell(other)).to_have_accessible_name("Alerts: 1 unread alert")


def test_page_of_a_guest_who_signed_in_while_it_was_cut_says_so(
    visitor: Visitors, network: TcpProxy, hub: LiveHub
) -> None:
    page = visitor(port=network.port)
    page.goto("/")
    wait_until_live(page)
    cut_off(page, network)
    cookie = hub.create_user("no-guest-any-more")
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie, "url": f"http://127.0.0.1:{network.port}"}])
    network.restore()
    has_lost_its_session(page, ANOTHER)


@pytest.mark.parametrize("address", ["/notifications/?page=2&x=a%26b", "/topics/"])
def test_open_page_whose_password_was_changed_elsewhere_leads_to_the_log_in_and_back(
    visitor: Visitors, hub: LiveHub, address: str
) -> None:
    page = visitor("password-changer")
    page.goto(address)
    wait_until_live(page)
    hub.shell(
        "from tests.support.people import User\n"
        "user = User.objects.get(username='password-changer')\n"
        "user.set_password(password)\n"
        "user.save()",
        password="another horse entirely",
    )
    has_lost_its_session(page, ENDED)
    page.locator("[data-over]").get_by_role("link", name="Log in").click()
    page.get_by_label("Username").fill("password-changer")
    page.get_by_label("Password").fill("another horse entirely")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    wait_until_live(page)
    assert page.url.endswith(address)


#: JavaScript: a function of options that resolves with how a hub of its own comes out.
OUTCOME = """async (options) => {
    const { connect } = await import("/static/hub/js/hub.js");
    const hub = connect({ share: false, ...options });
    await new Promise((known) => hub.on("state", () => ["connected", "closed"].includes(hub.state) && known()));
    return [hub.state, hub.code];
}"""


#: JavaScript: how many locks this tab holds by which others know that they may share its connection.
LOCKS = "async () => (await navigator.locks.query()).held.filter(({ name }) => name.startsWith('hub:')).length"


def test_page_that_does_not_say_whose_it_is_is_live_as_whoever_is_signed_in(visitor: Visitors) -> None:
    page = visitor("team-member")
    page.goto("/")
    person = page.evaluate("async () => (await import('/static/hub/js/hub/config.js')).config().user")
    # As a page of the team's own, which prints no configuration.
    page.route("**/own-page", lambda route: route.fulfill(content_type="text/html", body="<title>Own</title>"))
    page.goto("/own-page")
    assert page.evaluate(OUTCOME, {}) == ["connected", 0]
    stranger = {"user": {"id": "0", "name": "somebody"}}
    assert page.evaluate(OUTCOME, stranger) == ["closed", 3500]
    # Another tab of the browser may be somebody else's.
    assert page.evaluate(OUTCOME, {"share": True}) == ["connected", 0]
    assert page.evaluate(LOCKS) == 0
    assert page.evaluate(OUTCOME, {"share": True, "user": person}) == ["connected", 0]
    assert page.evaluate(LOCKS) > 0


def test_token_in_an_address_may_be_of_somebody_else_than_the_page(visitor: Visitors, hub: LiveHub) -> None:
    hub.create_user("token-holder")
    token = hub.shell(
        "from hub.accounts.tokens import issue\n"
        "from tests.support.people import User\n"
        "print(issue(User.objects.get(username='token-holder')))"
    )
    page = visitor()
    page.goto("/")
    wait_until_live(page)
    assert page.evaluate(OUTCOME, {"endpoint": f"/connection/websocket?token={token}"}) == ["connected", 0]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_header_fits_a_small_screen_whatever_it_says(visitor: Visitors, language: str) -> None:
    visitor.are_cut_off = True
    page = visitor("narrow-person", language=language)
    proxy = WebSocketProxy(page, to_page=without_counts)
    for width in (360, 480):
        page.set_viewport_size({"width": width, "height": 760})
        proxy.close_code = 0
        page.goto("/")
        status = page.locator("[data-status]")
        expect(status).to_have_attribute("data-status", "connected")
        proxy.push("online", {"type": "presence.online_counted", "count": 12345})
        expect(page.get_by_role("main").get_by_text(re.compile("^12.345 "))).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        proxy.close_code = 1013
        proxy.close(1012)
        expect(status).to_have_attribute("data-status", "reconnecting")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        proxy.close_code = 3500
        page.evaluate("window.dispatchEvent(new Event('online'))")
        expect(status).to_have_attribute("data-status", "closed")
        assert page.evaluate("document.documentElement.scrollWidth") == width
