"""The buttons of alerts, in the list and in toasts."""

from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import alerts, toasts, wait_until_live
from tests.support.live import LiveHub

#: In a process of its own, which alone has the function: to choose in a page is refused.
ASK = """
from notifications import Action
from notifications import Link
from notifications import action
from notifications import notify
action("approve")(lambda chosen: None)
action("refuse")(lambda chosen: None)
buttons = [
    Action("approve", "Approve", "primary"),
    Action("refuse", "Refuse", "danger"),
    Link("open", "Open", "/about/"),
]
(row,) = notify(to="user:ada", message="Order 7 waits", actions=buttons)
"""

CHOOSE = """
from notifications.action_choices import choose
choose(user=row.user, notification_id=row.pk, name="approve")
"""


def test_buttons_are_shown_with_what_was_chosen_on_every_device(hub: LiveHub, visitor: Visitors) -> None:
    listing, home = visitor("ada"), visitor("ada")
    listing.goto("/notifications/")
    home.goto("/")
    for page in (listing, home):
        wait_until_live(page)
    hub.shell(ASK)
    first = alerts(listing).first
    expect(first.get_by_role("button", name="Approve")).to_be_visible()
    expect(first.get_by_role("link", name="Open")).to_have_attribute("href", "/about/")
    toasts(home).get_by_role("button", name="Approve").click()
    expect(toasts(home)).to_contain_text("This can no longer be chosen")
    expect(toasts(home).get_by_role("button", name="Approve")).to_be_focused()
    hub.shell(ASK.replace("Order 7", "Order 8") + CHOOSE)
    for place in (alerts(listing).first, toasts(home).last):
        expect(place).to_contain_text("Chosen: Approve")
    expect(alerts(listing).first.get_by_role("button", name="Approve")).to_have_count(0)
    expect(alerts(listing).first.get_by_role("link", name="Open")).to_be_visible()
    listing.reload()
    expect(alerts(listing).first).to_contain_text("Chosen: Approve")
