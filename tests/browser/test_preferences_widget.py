"""``<hub-preferences>``: what a person chooses is saved at once, on every device, and each of its states is shown.

Here too is what other widgets show of kinds, and of actions that the server has: this hub has some.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from lab.harness.waiting import wait_for
from tests.browser.answers import Answers
from tests.browser.conftest import Visitors
from tests.browser.page_parts import alerts, bell, toasts, wait_until_live, wait_until_loaded
from tests.browser.proxies import TcpProxy
from tests.browser.test_pages import faults
from tests.support.live import LiveHub, hub_with

SETTINGS = """
from hub.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "shop"]
"""

KINDS = """
from notifications import Category, Kind, action, notify

ORDERS = Category("orders", "Orders")
Kind("order.shipped", label="Order shipped", category=ORDERS, icon="truck", message="shipped")
Kind("order.placed", label="Order placed", category=ORDERS, icon="🛒", message="placed")
Kind("alarm", label="Fire alarm", message="fire", icon="no-such-icon", level="error", critical=True)

@action("approve")
def approve(chosen):
    notify(to=chosen.user, message=f"{chosen.notification.data} is approved")
"""

SEND_KINDS = """
from notifications import notify
for kind in ("order.shipped", "order.placed", "alarm"):
    notify(to=f"user:{name}", kind=kind)
"""

ASK = """
from notifications import Action, notify
notify(to=f"user:{name}", message="Order 7 waits", data="Order 7", actions=[Action("approve", "Approve", "primary")])
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    """A hub with the kinds above."""
    files = {"shop_settings.py": SETTINGS, "shop/__init__.py": "", "shop/kinds.py": KINDS}
    with hub_with(tmp_path_factory.mktemp("preferences"), files, settings="shop_settings") as running:
        yield running


#: As after each change, also of another device. Ends when the widget has shown what came.
LOAD_AGAIN = """widget => new Promise(done => {
    widget.hub.preferences.on("change", () => {
        if (widget.hub.preferences.state === "ready") setTimeout(done, 100);
    });
    widget.hub.preferences.reload();
})"""


def opened(page: Page, path: str = "/topics/") -> Locator:
    """The widget, on a page of the hub that has nothing else in its main part."""
    page.goto(path)
    page.evaluate("document.querySelector('main').replaceChildren(document.createElement('hub-preferences'))")
    return page.locator("hub-preferences")


def chosen(hub: LiveHub, name: str) -> str:
    """The rows of what this person has chosen."""
    return hub.shell(
        "from notifications.models import Choice, Preferences\n"
        "made = Choice.objects.filter(user__username=name).order_by('subject', 'method')\n"
        "print(list(made.values_list('subject', 'method', 'is_on')), end=' ')\n"
        "print(list(Preferences.objects.filter(user__username=name).values_list('language', 'quiet_days', 'plan')))",
        name=name,
    )


def test_choice_is_saved_at_once_and_stands_on_the_other_device_and_on_the_page(
    visitor: Visitors, hub: LiveHub
) -> None:
    desk, phone = visitor("keeping-ada"), visitor("keeping-ada")
    widget, other = opened(desk), opened(phone)
    kind = widget.get_by_role("group", name="Order shipped")
    expect(kind).to_contain_text("It is in your list and appears at once on open pages.")
    kind.get_by_role("checkbox", name="At once").uncheck()
    expect(widget.get_by_text("Your choice is stored.")).to_be_visible()
    expect(kind).to_contain_text("It is in your list.")
    for one in (widget, other):
        expect(one.get_by_role("group", name="Order shipped").get_by_label("At once")).not_to_be_checked()
    expect(widget.get_by_role("group", name="Fire alarm").get_by_label("At once")).to_be_disabled()
    widget.get_by_role("button", name="All off: Orders").click()
    for one in (widget, other):
        expect(one.get_by_role("group", name="Order placed")).to_contain_text("You do not get it.")
        expect(one.get_by_role("group", name="Order placed").get_by_label("At once")).to_be_disabled()
    assert chosen(hub, "keeping-ada").startswith(
        "[('category:orders', 'inbox', False), ('kind:order.shipped', 'live', False)]"
    )
    placed = widget.get_by_role("group", name="Order placed")
    expect(placed.get_by_label("In the list")).to_have_accessible_name("In the list default: on")
    placed.get_by_role("button", name="Back to default: Order placed").click()
    for one in (widget, other):
        expect(one.get_by_role("group", name="Order placed")).to_contain_text("It is in your list and appears at once")
    expect(placed.get_by_role("button", name="Back to default")).to_have_count(0)
    expect(placed.get_by_label("In the list")).to_be_focused()
    desk.goto("/notifications/preferences/")
    expect(desk.get_by_role("group", name="Order shipped")).to_contain_text("You do not get it.")
    desk.get_by_role("button", name=re.compile("Defaults.*Orders")).click()
    expect(desk.get_by_role("group", name="Order shipped")).to_contain_text("It is in your list and appears at once")
    assert chosen(hub, "keeping-ada").startswith("[] ")


def test_hours_are_saved_when_they_are_whole_and_taken_back(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("keeping-bob")
    widget = opened(page)
    quiet = widget.get_by_role("group", name="Quiet hours")
    quiet.get_by_label("From").fill("22:00")
    quiet.get_by_label("To").fill("22:00")
    expect(
        widget.get_by_text("No alert interrupts you in these hours: 24 hours from 10 p.m. every day.")
    ).to_be_visible()
    quiet.get_by_label("From").fill("")
    page.locator("hub-preferences").evaluate(LOAD_AGAIN)
    expect(quiet.get_by_role("alert")).to_have_text("These hours have a beginning and an end.")
    expect(quiet.get_by_label("From")).to_have_value("")
    quiet.get_by_label("From").fill("22:00")
    quiet.get_by_label("To").fill("07:00")
    expect(widget.get_by_text("No alert interrupts you in these hours: 10 p.m.–7 a.m. every day.")).to_be_visible()
    quiet.get_by_role("checkbox", name="Sunday").uncheck()
    expect(widget.get_by_text("Saturday", exact=False).first).to_be_attached()
    widget.get_by_role("button", name="Add hours").click()
    plan = widget.get_by_role("group", name="Weekly plan")
    expect(plan.get_by_label("From")).to_be_focused()
    plan.get_by_label("From").fill("09:00")
    plan.get_by_label("To").fill("18:00")
    expect(widget.get_by_text("Alerts interrupt you in these hours only: 9 a.m.–6 p.m. every day.")).to_be_visible()
    assert chosen(hub, "keeping-bob") == "[] [('', '123456', [['09:00', '18:00', '1234567']])]"
    plan.get_by_role("button", name="Remove these hours").click()
    quiet.get_by_role("button", name="Remove these hours").click()
    expect(widget.get_by_text("Alerts may interrupt you at any time.")).to_be_visible()
    assert chosen(hub, "keeping-bob") == "[] [('', '', None)]"


def test_hours_of_the_plan_are_changed_before_the_server_has_answered(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("keeping-hal")
    hub.shell(
        "from tests.support.people import User\n"
        "from notifications.models import Preferences\n"
        "plan = [['08:00', '12:00', '1'], ['13:00', '17:00', '1'], ['18:00', '20:00', '1']]\n"
        "Preferences.objects.create(pk=User.objects.get(username='keeping-hal').pk, plan=plan)"
    )
    answers = Answers(page)
    widget = opened(page)
    plan = widget.get_by_role("group", name="Weekly plan")
    expect(plan).to_have_count(3)
    answers.hold("preferences.change")
    plan.nth(0).get_by_label("From").fill("09:00")
    plan.nth(1).get_by_role("button", name="Remove these hours").click()
    plan.nth(2).get_by_label("To").fill("21:00")
    plan.nth(2).get_by_label("To").fill("22:00")
    expect(widget.get_by_text("Saving")).to_be_visible()
    answers.release("preferences.change")
    expect(widget.get_by_text("Your choice is stored.")).to_be_visible()
    expect(plan).to_have_count(2)
    assert chosen(hub, "keeping-hal") == "[] [('', '', [['09:00', '12:00', '1'], ['18:00', '22:00', '1']])]"


def test_mute_ends_at_a_time_and_language_is_chosen(visitor: Visitors, hub: LiveHub) -> None:
    widget = opened(visitor("keeping-cleo"))
    everyone = widget.get_by_role("combobox", name="Mute: To everyone")
    everyone.select_option("Until tomorrow")
    expect(everyone.locator("option:checked")).to_contain_text("9:00 AM")
    expect(widget.get_by_text("To everyone is muted until")).to_be_visible()
    everyone.select_option("Not muted")
    expect(widget.get_by_text("To everyone is muted until")).to_have_count(0)
    widget.get_by_role("combobox", name="Mute: Orders").select_option("For an hour")
    expect(widget.get_by_role("group", name="Order placed")).to_contain_text("It is muted until")
    widget.get_by_role("combobox", name="Language of notifications").select_option("ru")
    # What is said of the choice before may stand there for a moment.
    wait_for(lambda: "('ru', '', None)" in chosen(hub, "keeping-cleo"), that="the language is stored")
    expect(widget.get_by_text("Your choice is stored.")).to_be_visible()


def test_muted_conversation_is_shown_and_undone(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("keeping-gus")
    hub.shell(
        "from tests.support.people import User\n"
        "from notifications import notify\n"
        "from notifications.preferences.stored import Wish, change\n"
        "gus = User.objects.get(username='keeping-gus')\n"
        "(alert,) = notify(to=gus, message='talk of the town', group_by='talk')\n"
        "change(gus, wishes=[Wish('live', is_on=False, alert=alert.pk)])"
    )
    widget = opened(page)
    talk = widget.get_by_role("combobox", name="Mute: talk of the town")
    expect(talk.locator("option:checked")).to_have_text("Until I say so")
    talk.select_option("For an hour")
    expect(widget.get_by_text("talk of the town is muted until")).to_be_visible()
    talk.select_option("Not muted")
    expect(talk).to_have_count(0)
    assert chosen(hub, "keeping-gus").startswith("[] ")


def test_widget_loads_fails_and_is_tried_again(visitor: Visitors) -> None:
    page = visitor("keeping-dora")
    answers = Answers(page)
    answers.hold("preferences.get")
    widget = opened(page)
    expect(widget.get_by_role("img", name="Loading")).to_be_visible()
    expect(widget.get_by_role("checkbox")).to_have_count(0)
    answers.refuse("preferences.get", 103)
    answers.release("preferences.get")
    widget = opened(page)
    expect(widget.get_by_role("alert")).to_contain_text("You are not allowed to do this.")
    answers.allow("preferences.get")
    widget.get_by_role("button", name="Try again").click()
    expect(widget.get_by_role("group", name="Order placed")).to_be_visible()
    # A change that is refused stands as it was before, and says why.
    answers.refuse("preferences.change", 400)
    box = widget.get_by_role("group", name="Order placed").get_by_label("At once")
    box.click()
    expect(widget.get_by_text("refused by the test")).to_be_visible()
    expect(box).to_be_checked()


def test_choice_without_a_connection_is_saved_when_it_is_back(
    visitor: Visitors, hub: LiveHub, network: TcpProxy
) -> None:
    page = visitor("keeping-eve", port=network.port)
    widget = opened(page)
    box = widget.get_by_role("group", name="Order placed").get_by_label("In the list")
    expect(box).to_be_checked()
    network.cut()
    expect(widget.get_by_text("No connection. What you change here is saved")).to_be_visible()
    box.uncheck()
    expect(widget.get_by_text("Saving…")).to_be_visible()
    assert chosen(hub, "keeping-eve").startswith("[] ")
    network.restore()
    expect(widget.get_by_text("Your choice is stored.")).to_be_visible()
    assert chosen(hub, "keeping-eve").startswith("[('kind:order.placed', 'inbox', False)]")


def test_guest_is_told_to_log_in(visitor: Visitors) -> None:
    expect(opened(visitor(), "/notifications/")).to_contain_text("Log in to choose what you get")


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ru", True)], ids=["light", "russian-dark"])
def test_axe_finds_no_serious_fault_and_a_phone_shows_all_of_the_widget(
    visitor: Visitors, language: str, dark: bool
) -> None:
    page = visitor("keeping-finn", language=language, dark=dark)
    page.set_viewport_size({"width": 360, "height": 740})
    expect(opened(page).get_by_role("checkbox").first).to_be_visible()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def icon_of(alert: Locator) -> Locator:
    return alert.locator("> .icon")


def test_every_widget_shows_the_icon_of_a_kind_and_else_that_of_the_level(visitor: Visitors, hub: LiveHub) -> None:
    listing, elsewhere = visitor("kinds-ada"), visitor("kinds-ada")
    listing.goto("/notifications/")
    elsewhere.goto("/topics/")
    for page in (listing, elsewhere):
        wait_until_live(page)
    hub.shell(SEND_KINDS, name="kinds-ada")
    bell_list = elsewhere.get_by_role("dialog", name="Alerts").get_by_role("listitem")
    for shown in (alerts(listing), toasts(elsewhere), bell_list):
        if shown is bell_list:
            bell(elsewhere).click()
        expect(icon_of(shown.filter(has_text="shipped")).locator("use")).to_have_attribute(
            "href", re.compile("#truck$")
        )
        expect(icon_of(shown.filter(has_text="placed"))).to_have_text("🛒")
        expect(icon_of(shown.filter(has_text="fire")).locator("use")).to_have_attribute("href", re.compile("#error$"))


def test_categories_are_counted_on_every_device_and_list_their_own(visitor: Visitors, hub: LiveHub) -> None:
    desk, phone = visitor("kinds-bob"), visitor("kinds-bob")
    for page in (desk, phone):
        page.goto("/notifications/")
        wait_until_live(page)
        wait_until_loaded(page)
    hub.shell(SEND_KINDS, name="kinds-bob")
    orders = [
        page.get_by_role("group", name="Category").get_by_role("button", name="Orders") for page in (desk, phone)
    ]
    for one in orders:
        expect(one.locator(".tab-count")).to_have_text("2")
    orders[0].click()
    expect(orders[0]).to_have_attribute("aria-pressed", "true")
    expect(alerts(desk).locator(".alert-message")).to_have_text(["placed", "shipped"])
    expect(alerts(phone)).to_have_count(3)
    alerts(desk).filter(has_text="placed").get_by_role("button", name="Mark as read").click()
    for one in orders:
        expect(one.locator(".tab-count")).to_have_text("1")
    # What comes of another category is not shown under this one.
    hub.shell("from notifications import notify; notify(to='user:kinds-bob', message='of no kind')")
    expect(alerts(phone)).to_have_count(4)
    expect(alerts(desk).locator(".alert-message")).to_have_text(["placed", "shipped"])
    desk.get_by_role("group", name="Category").get_by_role("button", name="All categories").click()
    expect(alerts(desk)).to_have_count(4)


def test_button_of_an_alert_does_what_it_says_and_is_chosen_on_every_device(visitor: Visitors, hub: LiveHub) -> None:
    listing, elsewhere = visitor("kinds-cleo"), visitor("kinds-cleo")
    listing.goto("/notifications/")
    elsewhere.goto("/topics/")
    for page in (listing, elsewhere):
        wait_until_live(page)
    hub.shell(ASK, name="kinds-cleo")
    toasts(elsewhere).get_by_role("button", name="Approve").click()
    expect(alerts(listing)).to_have_count(2)
    for place in (alerts(listing).filter(has_text="waits"), toasts(elsewhere).filter(has_text="waits")):
        expect(place).to_contain_text("Chosen: Approve")
        expect(place.get_by_role("button", name="Approve")).to_have_count(0)
    expect(alerts(listing).first).to_contain_text("Order 7 is approved")
    listing.reload()
    expect(alerts(listing).last).to_contain_text("Chosen: Approve")


def test_time_zone_of_the_browser_is_offered_to_who_has_none_and_never_taken_by_itself(
    visitor: Visitors, hub: LiveHub
) -> None:
    page = visitor("keeping-zoe")
    moved = page.context.new_cdp_session(page)
    moved.send("Emulation.setTimezoneOverride", {"timezoneId": "Europe/Moscow"})
    widget = opened(page)
    expect(widget.get_by_text("Your browser goes by Europe/Moscow.")).to_be_visible()
    page.goto("/notifications/preferences/")
    page.get_by_role("button", name="Use this time zone").click()
    expect(page.get_by_text("Your choice is stored.")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Moscow")
    expect(page.get_by_role("button", name="Use this time zone")).to_have_count(0)
    page.get_by_label("Time zone").select_option("")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Time zone")).to_have_value("")
    widget = opened(page)
    widget.get_by_role("button", name="Use this time zone").click()
    expect(widget.get_by_label("Time zone")).to_be_focused()
    expect(widget.get_by_text("Your browser goes by")).to_have_count(0)
    expect(widget.get_by_label("Time zone")).to_have_value("Europe/Moscow")
