"""Alerts in the list and as toasts."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.browser.conftest import Visitors
from tests.browser.looking import alerts, box, dialogs_of, is_live, say, toasts
from tests.support.live import LiveHub
from tests.support.waiting import wait_for

Notify = Callable[..., None]


def test_alert_of_a_celery_task_appears_on_every_page(hub: LiveHub, visitor: Visitors) -> None:
    listing, home = visitor(), visitor()
    listing.goto("/notifications/")
    home.goto("/")
    is_live(listing)
    is_live(home)
    hub.shell("from worker.tasks import send_broadcast; send_broadcast.delay('the report is built', level='success')")
    expect(alerts(listing).first).to_contain_text("the report is built")
    expect(alerts(listing).first).to_contain_text("Success")
    expect(toasts(home)).to_contain_text("the report is built")


def test_personal_alert_reaches_all_tabs_of_the_person_and_nobody_else(visitor: Visitors, notify: Notify) -> None:
    ada, guest = visitor("ada"), visitor()
    other_tab = ada.context.new_page()
    for page in (ada, other_tab, guest):
        page.goto("/notifications/")
        is_live(page)
    notify("for ada alone", to="user:ada")
    notify("for everyone then")
    for page in (ada, other_tab):
        expect(alerts(page).filter(has_text="for ada alone")).to_have_count(1)
    expect(alerts(guest).first).to_contain_text("for everyone then")
    expect(alerts(guest).filter(has_text="for ada alone")).to_have_count(0)


def test_alert_between_page_and_socket_shows_once(visitor: Visitors, notify: Notify) -> None:
    page = visitor()

    def late(route: Route) -> None:
        notify("in the gap")
        route.continue_()

    page.route("**/js/main.js", late)
    page.goto("/notifications/")
    expect(alerts(page).first).to_contain_text("in the gap")
    is_live(page)
    notify("after the gap")
    expect(alerts(page).first).to_contain_text("after the gap")
    expect(alerts(page).filter(has_text="in the gap")).to_have_count(1)


def test_alert_that_the_page_shows_and_the_socket_repeats_shows_once(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    page.goto("/notifications/")
    before = cursor_of(page)
    notify("in both")
    page.route("**/notifications/", lambda route: with_cursor(route, before))
    page.goto("/notifications/")
    is_live(page)
    notify("after it")
    expect(alerts(page).first).to_contain_text("after it")
    expect(alerts(page).filter(has_text="in both")).to_have_count(1)


def test_list_is_loaded_anew_when_the_history_has_a_hole(visitor: Visitors, notify: Notify) -> None:
    notify("before the hole")
    page = visitor()
    page.goto("/notifications/")
    foreign = re.sub(r"@[0-9a-f]*\.", "@00000000.", cursor_of(page))
    loads = 0

    def first_stale(route: Route) -> None:
        nonlocal loads
        loads += 1
        if loads == 1:
            with_cursor(route, foreign, drop_list=True)
        else:
            route.continue_()

    page.route("**/notifications/", first_stale)
    page.goto("/notifications/")
    expect(alerts(page).first).to_contain_text("before the hole")
    notify("after the hole")
    expect(alerts(page).first).to_contain_text("after the hole")
    expect(alerts(page).filter(has_text="before the hole")).to_have_count(1)
    assert loads == 2


def test_alerts_missed_while_the_connection_was_cut_arrive_once_and_in_order(
    visitor: Visitors, notify: Notify
) -> None:
    page = visitor()
    page.goto("/notifications/")
    is_live(page)
    notify("before the cut")
    expect(alerts(page).first).to_contain_text("before the cut")
    visitor.complaints.clear()
    with page.expect_websocket(lambda socket: "since=" in socket.url):
        # The page is hidden and shown again, as when a laptop sleeps: its sockets go and come back.
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
        notify("missed one")
        notify("missed two")
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    for number, text in enumerate(["missed two", "missed one", "before the cut"]):
        expect(alerts(page).nth(number)).to_contain_text(text)


def test_toasts_missed_in_the_first_lost_connection_show_once(visitor: Visitors, notify: Notify) -> None:
    page = visitor("ada")
    positions: list[str] = []
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        server = socket.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            positions.append(json.loads(text).get("cursor", ""))
            socket.send(text)

        server.on_message(pass_on)

    page.route_web_socket(re.compile("/ws/notifications/"), through)
    page.goto("/chat/")
    is_live(page)
    wait_for(lambda: page.title() and positions, that="the hub says where the page stands")
    page.context.set_offline(True)
    sockets[-1].close(code=1012, reason="service restart")
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    notify("missed by ada", to="user:ada")
    notify("missed by everyone")
    page.context.set_offline(False)
    for text in ("missed by ada", "missed by everyone"):
        expect(toasts(page).filter(has_text=text)).to_have_count(1)
    is_live(page)
    notify("after the cut")
    expect(toasts(page).filter(has_text="after the cut")).to_have_count(1)
    expect(toasts(page)).to_have_count(3)
    visitor.complaints.clear()  # the browser notes every attempt that failed


def test_staff_tells_everyone_and_others_see_no_form(visitor: Visitors) -> None:
    staff, ada = visitor("chief", staff=True), visitor("ada")
    for page in (staff, ada):
        page.goto("/notifications/")
        is_live(page)
    say(staff, "lunch is ready")
    expect(alerts(ada).first).to_contain_text("lunch is ready")
    expect(alerts(staff).filter(has_text="lunch is ready")).to_have_count(1)
    expect(box(staff)).to_have_value("")
    expect(box(ada)).to_have_count(0)


@pytest.mark.parametrize("page_path", ["/notifications/", "/"])
def test_markup_in_an_alert_stays_text(visitor: Visitors, notify: Notify, page_path: str) -> None:
    page = visitor()
    dialogs = dialogs_of(page)
    page.goto(page_path)
    is_live(page)
    payload = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    notify(payload, title=f"title {payload}", url="/chat/?q=<script>alert(3)</script>".replace("<", "%3C"))
    shown = (alerts(page) if page_path == "/notifications/" else toasts(page)).first
    expect(shown).to_contain_text(payload)
    expect(shown).to_contain_text(f"title {payload}")
    page.goto("/notifications/")
    expect(alerts(page).first).to_contain_text(payload)
    assert page.locator("li img, li script").count() == 0
    assert not dialogs


def test_address_that_is_no_web_page_becomes_no_link(visitor: Visitors) -> None:
    page = visitor()
    urls = ["javascript:alert(1)", "//evil.example/", "data:text/html,x", " javascript:alert(1)"]

    def talk(socket: WebSocketRoute) -> None:
        for number, url in enumerate(urls):
            frame = {"type": "notification", "message": "click me", "id": number, "level": "info", "url": url}
            socket.send(json.dumps(frame))

    page.route_web_socket(re.compile("/ws/notifications/"), talk)
    page.goto("/")
    expect(toasts(page)).to_have_count(len(urls))
    expect(toasts(page).get_by_role("link")).to_have_count(0)


def test_web_address_becomes_a_link(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    page.goto("/")
    is_live(page)
    notify("a new room", url="/chat/")
    toasts(page).get_by_role("link", name="Open").click()
    expect(page).to_have_url(re.compile(r"/chat/$"))
    page.goto("/notifications/")
    expect(alerts(page).first.get_by_role("link", name="Open")).to_have_attribute("href", "/chat/")


def test_toast_is_dismissed_with_the_keyboard(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    page.goto("/")
    is_live(page)
    notify("first of two")
    notify("second of two")
    expect(toasts(page)).to_have_count(2)
    toasts(page).first.get_by_role("button", name="Dismiss").press("Enter")
    expect(toasts(page)).to_have_count(1)
    toasts(page).get_by_role("button", name="Dismiss").press("Escape")
    expect(toasts(page)).to_have_count(0)


def test_toast_goes_by_itself_unless_somebody_looks_at_it(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    page.clock.install()
    page.goto("/")
    is_live(page)
    notify("held")
    toasts(page).filter(has_text="held").get_by_role("button", name="Dismiss").focus()
    notify("left alone")
    expect(toasts(page)).to_have_count(2)
    page.clock.fast_forward(60_000)
    expect(toasts(page)).to_have_count(1)
    expect(toasts(page)).to_contain_text("held")


def cursor_of(page: Page) -> str:
    return page.locator("[data-cursor]").get_attribute("data-cursor") or ""


def with_cursor(route: Route, cursor: str, *, drop_list: bool = False) -> None:
    """Answer with the hub's page as if it had been rendered at another time."""
    response = route.fetch()
    html = re.sub(r'data-cursor="[^"]*"', f'data-cursor="{cursor}"', response.text())
    if drop_list:
        html = re.sub(r'<li class="alert alert-\w+"\s+data-id="\d+">.*?</li>', "", html, flags=re.DOTALL)
    route.fulfill(response=response, body=html)
