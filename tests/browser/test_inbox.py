"""The inbox: tabs, archive, snooze, undo, search and keys, here and in the person's other browsers."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import alerts, bell, toasts, wait_until_live, wait_until_loaded
from tests.browser.proxies import TcpProxy, WebSocketProxy
from tests.support.live import LiveHub

Notify = Callable[..., None]


@pytest.fixture(autouse=True)
def no_other_alerts(hub: LiveHub) -> None:
    """What other tests have sent to everyone is in nobody's inbox any more: the tests count what is in one."""
    hub.shell(
        "from notifications.models import Notification\n"
        "from notifications.sending.withdrawing import withdraw\n"
        "withdraw(Notification.objects.all())"
    )


def tab(page: Page, name: str) -> Locator:
    return page.get_by_role("main").get_by_role("tab", name=name)


def open_tab(page: Page, name: str) -> None:
    tab(page, name).click()
    expect(tab(page, name)).to_have_attribute("aria-selected", "true")


def alert(page: Page, words: str) -> Locator:
    return alerts(page).filter(has_text=words)


def undo(page: Page) -> None:
    page.get_by_role("main").get_by_role("button", name="Undo").click()


def send(hub: LiveHub, name: str, *messages: str) -> None:
    hub.shell(
        "from notifications import notify\nfor message in messages: notify(to=f'user:{name}', message=message)",
        name=name,
        messages=messages,
    )


def test_alert_is_archived_and_comes_back_on_every_device(visitor: Visitors, hub: LiveHub) -> None:
    laptop, phone = visitor("inbox-ada"), visitor("inbox-ada")
    send(hub, "inbox-ada", "to be kept", "to stay")
    for page in (laptop, phone):
        page.goto("/notifications/")
        expect(alerts(page)).to_have_count(2)
    alert(laptop, "to be kept").get_by_role("button", name="Archive it").click()
    for page in (laptop, phone):
        expect(alerts(page)).to_have_count(1)
        expect(tab(page, "Archive").locator(".tab-count")).to_have_text("1")
        expect(tab(page, "Unread").locator(".tab-count")).to_have_text("1")
    open_tab(phone, "Archive")
    expect(alert(phone, "to be kept")).to_have_count(1)
    undo(laptop)
    expect(alerts(laptop)).to_have_count(2)
    expect(phone.get_by_text("The archive is empty")).to_be_visible()
    expect(tab(phone, "Unread").locator(".tab-count")).to_have_text("2")
    open_tab(phone, "Inbox")
    expect(alerts(phone)).to_have_count(2)


def test_snoozed_alert_waits_and_comes_back_with_a_toast(visitor: Visitors, hub: LiveHub) -> None:
    page, elsewhere = visitor("inbox-bob"), visitor("inbox-bob")
    send(hub, "inbox-bob", "call back")
    page.goto("/notifications/")
    elsewhere.goto("/chat/")
    wait_until_live(elsewhere)
    alert(page, "call back").get_by_role("button", name="Snooze").click()
    page.get_by_role("dialog", name="Snooze until").get_by_role("button", name="Tomorrow").click()
    expect(page.get_by_text("No alerts yet")).to_be_visible()
    expect(bell(elsewhere)).to_have_accessible_name("Alerts")
    open_tab(page, "Snoozed")
    expect(alert(page, "call back")).to_contain_text("Snoozed until")
    hub.shell(
        "from datetime import timedelta\nfrom django.utils import timezone\n"
        "from notifications.inbox import organizing\nfrom notifications.models import NotificationState\n"
        "rows = NotificationState.objects.filter(user__username='inbox-bob').exclude(snoozed_until=None)\n"
        "rows.update(snoozed_until=timezone.now() - timedelta(seconds=1))\norganizing.wake()"
    )
    expect(toasts(elsewhere).filter(has_text="call back")).to_have_count(1)
    expect(bell(elsewhere)).to_have_accessible_name("Alerts: 1 unread alert")
    expect(page.get_by_text("Nothing is snoozed")).to_be_visible()
    open_tab(page, "Unread")
    expect(alert(page, "call back")).to_have_count(1)


def test_many_are_chosen_and_changed_and_all_of_it_is_undone(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("inbox-cleo")
    send(hub, "inbox-cleo", "first", "second", "third")
    page.goto("/notifications/")
    expect(alerts(page)).to_have_count(3)
    for words in ("first", "third"):
        alert(page, words).get_by_role("checkbox").check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.locator("hub-inbox .bulk").get_by_role("button", name="Mark as read").click()
    expect(page.get_by_text("2 alerts marked as read")).to_be_visible()
    expect(tab(page, "Unread").locator(".tab-count")).to_have_text("1")
    page.get_by_role("button", name="Archive what is read").click()
    expect(alerts(page)).to_have_count(1)
    undo(page)
    expect(alerts(page)).to_have_count(3)
    page.get_by_role("button", name="Mark all as read").click()
    expect(tab(page, "Unread").locator(".tab-count")).to_be_hidden()
    undo(page)
    expect(tab(page, "Unread").locator(".tab-count")).to_have_text("1")
    expect(alert(page, "second").get_by_role("button", name="Mark as read")).to_be_visible()


def test_inbox_is_worked_through_with_the_keyboard(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("inbox-dora")
    send(hub, "inbox-dora", "older", "newer")
    page.goto("/notifications/")
    expect(alerts(page)).to_have_count(2)
    press = page.keyboard.press
    press("j")
    expect(alert(page, "newer")).to_be_focused()
    press("r")
    expect(page.get_by_text("1 alert marked as read")).to_be_visible()
    press("e")
    expect(alerts(page)).to_have_count(1)
    expect(alert(page, "older")).to_be_focused()
    expect(page.get_by_text("1 alert archived")).to_be_visible()
    press("u")
    expect(alerts(page)).to_have_count(2)
    press("s")
    expect(page.get_by_role("dialog", name="Snooze until")).to_be_visible()
    press("Escape")
    press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    press("Escape")
    press("/")
    page.keyboard.type("older")
    expect(alerts(page)).to_have_count(1)
    page.keyboard.type("nothing like it e r s")
    expect(page.get_by_text("Nothing found")).to_be_visible()


def test_search_and_level_narrow_each_tab(visitor: Visitors, notify: Notify) -> None:
    page = visitor("inbox-eve")
    notify("Заказ отправлен", to="user:inbox-eve", level="success")
    notify("Payment failed", to="user:inbox-eve", level="error")
    page.goto("/notifications/")
    expect(alerts(page)).to_have_count(2)
    page.get_by_role("combobox", name="Level").select_option("error")
    expect(alerts(page)).to_have_count(1)
    page.get_by_role("combobox", name="Level").select_option("")
    page.get_by_role("searchbox", name="Search alerts").fill("ЗАКАЗ")
    expect(alerts(page)).to_have_count(1)
    expect(alerts(page)).to_contain_text("Заказ отправлен")
    open_tab(page, "Archive")
    expect(page.get_by_text("Nothing found")).to_be_visible()


def test_what_was_in_view_for_a_second_is_seen_and_not_read(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("inbox-finn")
    send(hub, "inbox-finn", "look at me")
    page.goto("/notifications/")
    expect(alerts(page)).to_have_count(1)
    expect(tab(page, "Unread").locator(".tab-count")).to_have_text("1")
    page.wait_for_function(
        """async () => {
            const answer = await fetch("/notifications/items/");
            const [item] = (await answer.json()).items;
            return item.seen && !item.read;
        }"""
    )
    expect(tab(page, "Unread").locator(".tab-count")).to_have_text("1")


def test_change_that_is_refused_is_taken_back_and_told(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("inbox-hugo")
    send(hub, "inbox-hugo", "stubborn")
    WebSocketProxy(page, to_hub=lambda frame: frame.replace('"archive"', '"burn"'))
    page.goto("/notifications/")
    alert(page, "stubborn").get_by_role("button", name="Archive it").click()
    expect(page.get_by_role("main").get_by_role("alert").filter(has_text="That did not work")).to_be_visible()
    expect(alert(page, "stubborn")).to_have_count(1)


def test_what_is_changed_without_a_connection_is_saved_when_it_is_back(
    visitor: Visitors, hub: LiveHub, network: TcpProxy
) -> None:
    page, other = visitor("inbox-ida", port=network.port), visitor("inbox-ida")
    send(hub, "inbox-ida", "in the tunnel")
    for one in (page, other):
        one.goto("/notifications/")
        expect(alerts(one)).to_have_count(1)
    network.cut()
    expect(page.get_by_text("What you change here is saved when it is back.")).to_be_visible()
    alert(page, "in the tunnel").get_by_role("button", name="Archive it").click()
    expect(alerts(page)).to_have_count(0)
    network.restore()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(alerts(other)).to_have_count(0)
    expect(tab(other, "Archive").locator(".tab-count")).to_have_text("1")


def test_bell_archives_and_snoozes(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("inbox-jane")
    send(hub, "inbox-jane", "away", "later")
    page.goto("/chat/")
    wait_until_live(page)
    bell(page).click()
    panel = page.get_by_role("dialog", name="Alerts")
    panel.locator("li").filter(has_text="away").get_by_role("button", name="Archive it").click()
    expect(panel.locator("li")).to_have_count(1)
    panel.locator("li").get_by_role("button", name="Snooze").click()
    page.get_by_role("dialog", name="Snooze until").get_by_role("button", name="Next week").click()
    expect(panel.locator("li")).to_have_count(0)
    expect(bell(page)).to_have_accessible_name("Alerts")


def test_guest_has_a_list_without_tabs(visitor: Visitors, notify: Notify) -> None:
    page = visitor()
    notify("for all of you")
    page.goto("/notifications/")
    wait_until_loaded(page)
    expect(alert(page, "for all of you")).to_have_count(1)
    expect(page.get_by_role("tab")).to_have_count(0)
    expect(alerts(page).get_by_role("button", name="Archive it")).to_have_count(0)


def test_long_text_is_shortened_until_its_reader_wants_all(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("inbox-reader")
    send(hub, "inbox-reader", "a short text", "words " * 600)
    page.goto("/notifications/")
    row = alert(page, "words")
    message, more = row.locator("[part=message]"), row.get_by_role("button", name="Show more")
    expect(more).to_have_attribute("aria-expanded", "false")
    shown = message.evaluate("element => element.clientHeight")
    assert shown < message.evaluate("element => element.scrollHeight")
    more.press("Enter")
    expect(row.get_by_role("button", name="Show less")).to_be_focused()
    assert shown < message.evaluate("element => element.clientHeight")
    expect(alert(page, "a short text").get_by_role("button", name="Show")).to_have_count(0)
