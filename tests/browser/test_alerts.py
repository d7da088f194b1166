"""Alerts in the list and as toasts."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import (
    alerts,
    dialogs_of,
    message_box,
    send_message,
    toasts,
    wait_until_live,
    wait_until_loaded,
)
from tests.browser.proxies import TcpProxy, WebSocketProxy
from tests.support.live import LiveHub

Notify = Callable[..., None]

#: Seconds that a cut lasts: longer than a ping and its answer may take.
CUT = 30.0


def test_alert_of_a_celery_task_appears_on_every_page(hub: LiveHub, visitor: Visitors) -> None:
    listing, home = visitor(), visitor()
    listing.goto("/notifications/")
    home.goto("/")
    wait_until_live(listing)
    wait_until_live(home)
    hub.shell("from worker.tasks import send_broadcast; send_broadcast.delay('the report is built', level='success')")
    expect(alerts(listing).first).to_contain_text("the report is built")
    expect(alerts(listing).first).to_contain_text("Success")
    expect(toasts(home)).to_contain_text("the report is built")


def test_personal_alert_reaches_all_tabs_of_the_person_and_nobody_else(visitor: Visitors, notify: Notify) -> None:
    ada, guest = visitor("ada"), visitor()
    other_tab = ada.context.new_page()
    for page in (ada, other_tab, guest):
        page.goto("/notifications/")
        wait_until_live(page)
    notify("for ada alone", to="user:ada")
    notify("for everyone then")
    for page in (ada, other_tab):
        expect(alerts(page).filter(has_text="for ada alone")).to_have_count(1)
    expect(alerts(guest).first).to_contain_text("for everyone then")
    expect(alerts(guest).filter(has_text="for ada alone")).to_have_count(0)


def test_alert_that_arrives_during_the_load_shows_once(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    # Each once: a page whose list takes too long asks for it again.
    in_the_list, behind_the_list = iter(["live and in the list"]), iter(["live behind the list"])

    def before_the_list(frame: str) -> str:
        if '"alerts.list"' in frame:
            for text in in_the_list:
                notify(text)
        return frame

    def before_the_answer(frame: str) -> str:
        if '"positions"' in frame:
            for text in behind_the_list:
                notify(text)
        return frame

    WebSocketProxy(page, to_hub=before_the_list, to_page=before_the_answer)
    page.goto("/notifications/")
    expect(alerts(page).first).to_contain_text("live behind the list")
    expect(alerts(page).nth(1)).to_contain_text("live and in the list")
    notify("after both")
    expect(alerts(page).first).to_contain_text("after both")
    for text in ("live and in the list", "live behind the list"):
        expect(alerts(page).filter(has_text=text)).to_have_count(1)


def test_repeated_alert_shows_once(visitor: Visitors, notify: Notify) -> None:
    page = visitor()

    def twice(frame: str) -> str:
        return f"{frame}\n{frame}" if '"everyone","pub"' in frame else frame

    WebSocketProxy(page, to_page=twice)
    page.goto("/notifications/")
    wait_until_loaded(page)
    notify("said twice")
    notify("and another")
    expect(alerts(page).first).to_contain_text("and another")
    for text in ("said twice", "and another"):
        expect(alerts(page).filter(has_text=text)).to_have_count(1)


def test_dropped_alert_is_fetched_from_the_history(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    WebSocketProxy(page, to_page=lambda frame: None if '"pub"' in frame and "kept back" in frame else frame)
    page.goto("/notifications/")
    wait_until_loaded(page)
    notify("before")
    notify("kept back")
    notify("after")
    for number, text in enumerate(["after", "kept back", "before"]):
        expect(alerts(page).nth(number)).to_contain_text(text)


def test_list_is_loaded_again_after_an_epoch_change(visitor: Visitors, notify: Notify) -> None:
    notify("before the hole")
    page = visitor()
    lists = 0

    def foreign_at_first(frame: str) -> str:
        nonlocal lists
        if '"positions"' not in frame:
            return frame
        lists += 1
        return re.sub(r'"epoch":"[^"]*"', '"epoch":"foreign"', frame) if lists == 1 else frame

    WebSocketProxy(page, to_page=foreign_at_first)
    page.goto("/notifications/")
    expect(alerts(page).first).to_contain_text("before the hole")
    notify("after the hole")
    expect(alerts(page).first).to_contain_text("after the hole")
    expect(alerts(page).filter(has_text="before the hole")).to_have_count(1)
    assert lists == 2


def test_page_that_sleeps_shows_every_alert_once_and_in_order(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    page.goto("/notifications/")
    wait_until_loaded(page)
    notify("before the sleep")
    expect(alerts(page).first).to_contain_text("before the sleep")
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    notify("missed one")
    notify("missed two")
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    for number, text in enumerate(["missed two", "missed one", "before the sleep"]):
        expect(alerts(page).nth(number)).to_contain_text(text)


@pytest.mark.slow
@pytest.mark.any_database
def test_page_that_was_cut_off_shows_every_alert_once_and_in_order(
    visitor: Visitors, notify: Notify, network: TcpProxy
) -> None:
    page = visitor("ada", port=network.port)
    page.goto("/notifications/")
    wait_until_loaded(page)
    notify("before the cut")
    expect(alerts(page).first).to_contain_text("before the cut")
    network.cut()
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    for number in range(4):
        notify(f"missed number {number}", to="everyone" if number % 2 else "user:ada")
    time.sleep(CUT)
    network.restore()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    wait_until_live(page)
    notify("after the cut")
    texts = ["after the cut", *(f"missed number {number}" for number in (3, 2, 1, 0)), "before the cut"]
    for number, text in enumerate(texts):
        expect(alerts(page).nth(number)).to_contain_text(text)
    for text in texts:
        expect(alerts(page).filter(has_text=text)).to_have_count(1)


def test_toasts_missed_in_a_lost_connection_show_once(visitor: Visitors, notify: Notify, network: TcpProxy) -> None:
    page = visitor("ada", port=network.port)
    page.goto("/chat/")
    wait_until_live(page)
    network.cut()
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    notify("missed by ada", to="user:ada")
    notify("missed by everyone")
    network.restore()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    for text in ("missed by ada", "missed by everyone"):
        expect(toasts(page).filter(has_text=text)).to_have_count(1)
    wait_until_live(page)
    notify("after the cut")
    expect(toasts(page).filter(has_text="after the cut")).to_have_count(1)
    expect(toasts(page)).to_have_count(3)


def test_staff_tells_everyone_and_others_see_no_form(visitor: Visitors) -> None:
    staff, ada = visitor("chief", staff=True), visitor("ada")
    for page in (staff, ada):
        page.goto("/notifications/")
        wait_until_loaded(page)
    send_message(staff, "lunch is ready")
    expect(alerts(ada).first).to_contain_text("lunch is ready")
    expect(alerts(staff).filter(has_text="lunch is ready")).to_have_count(1)
    expect(message_box(staff)).to_have_value("")
    expect(message_box(ada)).to_have_count(0)


def test_alert_to_everyone_that_was_written_in_a_cut_is_sent_once_after_it(
    visitor: Visitors, network: TcpProxy
) -> None:
    staff, ada = visitor("chief", staff=True, port=network.port), visitor("ada")
    for page in (staff, ada):
        page.goto("/notifications/")
        wait_until_loaded(page)
    network.cut()
    expect(staff.get_by_text("Reconnecting…")).to_be_visible()
    send_message(staff, "written in the dark")
    expect(staff.get_by_role("alert").filter(has_text="sent when the connection is back")).to_be_visible()
    network.restore()
    staff.evaluate("window.dispatchEvent(new Event('online'))")
    expect(message_box(staff)).to_have_value("")
    for page in (staff, ada):
        expect(alerts(page).first).to_contain_text("written in the dark")
        expect(alerts(page).filter(has_text="written in the dark")).to_have_count(1)


@pytest.mark.parametrize("page_path", ["/notifications/", "/"])
def test_markup_in_an_alert_stays_text(visitor: Visitors, notify: Notify, page_path: str) -> None:
    page = visitor()
    dialogs = dialogs_of(page)
    page.goto(page_path)
    wait_until_live(page)
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
    proxy = WebSocketProxy(page)
    page.goto("/")
    wait_until_live(page)
    urls = ["javascript:alert(1)", "//evil.example/", "data:text/html,x", " javascript:alert(1)"]
    for number, url in enumerate(urls):
        alert = {"type": "notifications.notification_created", "message": "click me", "id": number + 1, "title": ""}
        proxy.push("everyone", alert | {"level": "info", "url": url, "at": "2026-01-01T10:00:00Z", "data": None})
    expect(toasts(page)).to_have_count(len(urls))
    assert toasts(page).get_by_role("link").count() == 0  # now: before they go by themselves


def test_web_address_becomes_a_link(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    page.goto("/")
    wait_until_live(page)
    notify("a new room", url="/chat/")
    toasts(page).get_by_role("link", name="Open").click()
    expect(page).to_have_url(re.compile(r"/chat/$"))
    page.goto("/notifications/")
    expect(alerts(page).first.get_by_role("link", name="Open")).to_have_attribute("href", "/chat/")


def test_toast_is_dismissed_with_the_keyboard(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    page.goto("/")
    wait_until_live(page)
    notify("first of two")
    notify("second of two")
    expect(toasts(page)).to_have_count(2)
    toasts(page).first.get_by_role("button", name="Dismiss").press("Enter")
    expect(toasts(page)).to_have_count(1)
    toasts(page).get_by_role("button", name="Dismiss").press("Escape")
    expect(toasts(page)).to_have_count(0)


def test_toast_disappears_unless_it_has_pointer_or_focus(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    page.clock.install()
    page.goto("/")
    wait_until_live(page)
    notify("held")
    toasts(page).filter(has_text="held").get_by_role("button", name="Dismiss").focus()
    notify("left alone")
    expect(toasts(page)).to_have_count(2)
    page.clock.run_for(10_000)
    expect(toasts(page)).to_have_count(1)
    expect(toasts(page)).to_contain_text("held")


def test_older_alerts_are_loaded_as_the_reader_scrolls(visitor: Visitors, hub: LiveHub) -> None:
    hub.create_user("collector")
    hub.shell(
        "from notifications import notify\n"
        "for number in range(50): notify(to='user:collector', message=f'collected {number:02d}')"
    )
    page = visitor("collector")
    page.goto("/notifications/")
    expect(alerts(page).first).to_contain_text("collected 49")
    expect(alerts(page)).to_have_count(20)
    alerts(page).last.scroll_into_view_if_needed()
    expect(alerts(page)).to_have_count(40)
    alerts(page).last.scroll_into_view_if_needed()
    expect(alerts(page).filter(has_text="collected 00")).to_have_count(1)
    texts = re.findall(r"collected \d\d", "\n".join(alerts(page).all_inner_texts()))
    assert texts == [f"collected {number:02d}" for number in range(49, -1, -1)]
