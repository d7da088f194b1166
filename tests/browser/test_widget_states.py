"""The inbox and the bell in each of their states: loading, empty, refused, without a connection, with many alerts."""

import pytest
from playwright.sync_api import expect

from tests.browser.answers import Answers
from tests.browser.conftest import Visitors
from tests.browser.page_parts import alerts, bell, wait_until_live
from tests.browser.proxies import TcpProxy
from tests.browser.test_inbox import no_other_alerts, open_tab, send
from tests.browser.test_pages import faults
from tests.support.live import LiveHub

pytestmark = pytest.mark.usefixtures(no_other_alerts.__name__)

REFUSED = "You are not allowed to do this."


def test_inbox_loads_is_refused_and_is_empty(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("states-ada")
    answers = Answers(page)
    answers.hold("alerts.list")
    page.goto("/notifications/")
    loading = page.get_by_role("main").get_by_role("img", name="Loading")
    expect(loading).to_be_visible()
    answers.release("alerts.list")
    expect(loading).to_be_hidden()
    expect(page.get_by_role("main").get_by_text("No alerts yet")).to_be_visible()
    answers.refuse("alerts.list", 103)
    page.reload()
    expect(page.get_by_role("main").get_by_text(REFUSED)).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name="Reload the page")).to_be_visible()
    assert faults(page) == []


def test_tab_loads_is_refused_and_is_tried_again(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("states-bob")
    send(hub, "states-bob", "not yet read")
    answers = Answers(page)
    page.goto("/notifications/")
    expect(alerts(page)).to_have_count(1)
    answers.hold("inbox.list")
    open_tab(page, "Unread")
    loading = page.get_by_role("main").get_by_role("img", name="Loading")
    expect(loading).to_be_visible()
    expect(alerts(page)).to_have_count(0)
    answers.release("inbox.list")
    expect(alerts(page)).to_contain_text(["not yet read"])
    page.get_by_role("main").get_by_role("button", name="Mark all as read").click()
    expect(alerts(page)).to_have_count(1)  # what is read stays until the tab is opened again
    open_tab(page, "Inbox")
    open_tab(page, "Unread")
    expect(page.get_by_text("Nothing unread")).to_be_visible()
    answers.refuse("inbox.list", 103)
    open_tab(page, "Archive")
    expect(page.get_by_role("main").get_by_text(REFUSED)).to_be_visible()
    assert faults(page) == []
    answers.allow("inbox.list")
    page.get_by_role("main").get_by_role("button", name="Try again").click()
    expect(page.get_by_text("The archive is empty")).to_be_visible()


def test_bell_loads_is_empty_and_is_refused(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("states-cleo")
    answers = Answers(page)
    answers.hold("alerts.list")
    page.goto("/topics/")
    bell(page).click()
    panel = page.get_by_role("dialog", name="Alerts")
    expect(panel.get_by_role("img", name="Loading")).to_be_visible()
    answers.release("alerts.list")
    expect(panel.get_by_text("No alerts yet")).to_be_visible()
    answers.refuse("alerts.list", 103)
    page.reload()
    bell(page).click()
    expect(panel.get_by_text(REFUSED)).to_be_visible()
    assert faults(page) == []


def test_bell_says_more_than_it_counts_and_lists_the_newest(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("states-dora")
    send(hub, "states-dora", *(f"alert {number}" for number in range(1, 111)))
    page.goto("/topics/")
    expect(bell(page)).to_have_accessible_name("Alerts: 99+ unread alerts")
    bell(page).click()
    panel = page.get_by_role("dialog", name="Alerts")
    expect(panel.locator("li").first).to_contain_text("alert 110")
    expect(panel.get_by_role("button", name="Older alerts")).to_be_visible()
    panel.get_by_role("button", name="Mark all as read").click()
    expect(bell(page)).to_have_accessible_name("Alerts")


def test_bell_keeps_its_list_without_a_connection(visitor: Visitors, hub: LiveHub, network: TcpProxy) -> None:
    page = visitor("states-eve", port=network.port)
    send(hub, "states-eve", "before the cut")
    page.goto("/topics/")
    wait_until_live(page)
    expect(bell(page)).to_have_accessible_name("Alerts: 1 unread alert")
    network.cut()
    expect(page.get_by_role("banner").get_by_text("Live", exact=True)).to_be_hidden()
    bell(page).click()
    panel = page.get_by_role("dialog", name="Alerts")
    expect(panel.locator("li")).to_contain_text(["before the cut"])
    send(hub, "states-eve", "in the cut")
    network.restore()
    expect(panel.locator("li").first).to_contain_text("in the cut")
    expect(bell(page)).to_have_accessible_name("Alerts: 2 unread alerts")


def test_search_that_has_not_looked_at_all_does_not_say_that_nothing_is_found(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("states-fay")
    hub.shell(
        "from tests.support.people import User\n"
        "from notifications.models import Notification\n"
        "fay = User.objects.get(username='states-fay')\n"
        "for number in range(12):\n"
        "    of_many = dict(bundle_by=f'talk:{number}', bundle_count=1000)\n"
        "    row = Notification.objects.create(user=fay, message='hay' if number else 'needle', **of_many)\n"
        "    Notification.objects.filter(pk=row.pk).update(bundle=row.pk)"
    )
    page.goto("/notifications/")
    field = page.get_by_role("searchbox", name="Search alerts")
    field.fill("needle")
    older, nothing = page.get_by_role("button", name="Older alerts"), page.get_by_text("Nothing found")
    expect(older).to_be_visible()
    expect(nothing).to_be_hidden()
    expect(alerts(page)).to_have_count(0)
    older.click()
    expect(alerts(page)).to_contain_text(["needle"])
    field.fill("nowhere")
    expect(alerts(page)).to_have_count(0)
    expect(older).to_be_visible()
    older.click()
    expect(nothing).to_be_visible()
    expect(older).to_be_hidden()
