"""The page of topics: following and leaving, with scripts and without, and what it does to the list of alerts."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import alerts, bell, wait_until_live, wait_until_loaded
from tests.browser.proxies import WebSocketProxy
from tests.browser.test_pages import faults, is_sound
from tests.support.live import LiveHub

Notify = Callable[..., None]

MAKE = """
from notifications.models import Topic
for name, title, description, is_open in topics:
    Topic.objects.update_or_create(
        name=name, defaults={"title": title, "description": description, "is_open": is_open}
    )
"""

TOPICS = [
    ("deploys", "Deployments", "What goes out, and what came back.", True),
    ("incidents", "Incidents", "", True),
    ("payroll", "Payroll", "Salaries are out.", False),
]

PUT = """
from tests.support.people import User
from notifications.models import Topic
Topic.objects.get(name=topic).follows.get_or_create(user=User.objects.get(username=user))
"""


@pytest.fixture(autouse=True)
def topics(hub: LiveHub) -> Iterator[None]:
    hub.shell(MAKE, topics=TOPICS)
    yield
    hub.shell("from notifications.models import Topic; Topic.objects.all().delete()")


def topic(page: Page, title: str) -> Locator:
    return page.get_by_role("main").locator("li").filter(has=page.get_by_role("heading", name=title, exact=True))


def toggle(page: Page, title: str) -> Locator:
    return topic(page, title).get_by_role("button")


def is_followed(page: Page, title: str, *, followed: bool = True) -> None:
    expect(toggle(page, title)).to_have_text(re.compile(r"^\s*Following\b" if followed else r"^\s*Follow\b"))
    expect(toggle(page, title)).to_have_attribute("aria-pressed", "true" if followed else "false")
    # What is said changes in one place.
    expect(toggle(page, title)).to_have_accessible_name(f"Follow: {title}")


def test_topic_is_followed_and_left_without_a_reload(visitor: Visitors, notify: Notify) -> None:
    page = visitor("topic-fan")
    page.goto("/topics/")
    wait_until_live(page)
    page.evaluate("window.stayed = true")
    notify("nobody follows yet", to="topic:deploys")
    is_followed(page, "Deployments", followed=False)
    toggle(page, "Deployments").click()
    is_followed(page, "Deployments")
    is_followed(page, "Incidents", followed=False)
    expect(bell(page)).to_have_accessible_name("Alerts")
    notify("version 7 is out", to="topic:deploys")
    expect(bell(page)).to_have_accessible_name("Alerts: 1 unread alert")
    toggle(page, "Deployments").click()
    is_followed(page, "Deployments", followed=False)
    expect(bell(page)).to_have_accessible_name("Alerts")
    assert page.evaluate("window.stayed")


def test_list_has_the_topics_title_and_its_past_while_one_follows(visitor: Visitors, notify: Notify) -> None:
    listing, page = visitor("topic-reader"), visitor("topic-reader")
    listing.goto("/notifications/")
    wait_until_loaded(listing)
    wait_until_live(listing)
    page.goto("/topics/")
    wait_until_live(page)
    notify("sent before", to="topic:deploys")
    toggle(page, "Deployments").click()
    before, after = (alerts(listing).filter(has_text=text) for text in ("sent before", "sent after"))
    expect(before).to_have_count(1)
    expect(before.get_by_role("button", name="Mark as read")).to_be_hidden()
    notify("sent after", to="topic:deploys")
    expect(after).to_contain_text("Deployments")
    expect(after.get_by_role("button", name="Mark as read")).to_be_visible()
    toggle(page, "Deployments").click()
    expect(before).to_have_count(0)
    expect(after).to_have_count(0)


def test_what_is_followed_in_one_browser_is_followed_in_the_others(visitor: Visitors) -> None:
    laptop, phone = visitor("topic-traveller"), visitor("topic-traveller")
    for page in (laptop, phone):
        page.goto("/topics/")
        wait_until_live(page)
    toggle(laptop, "Incidents").click()
    is_followed(phone, "Incidents")
    toggle(phone, "Incidents").click()
    is_followed(laptop, "Incidents", followed=False)


def test_keyboard_keeps_its_place_on_the_button(visitor: Visitors) -> None:
    page = visitor("topic-typist")
    page.goto("/topics/")
    wait_until_live(page)
    toggle(page, "Deployments").focus()
    for followed in (True, False):
        page.keyboard.press("Enter")
        is_followed(page, "Deployments", followed=followed)
        expect(toggle(page, "Deployments")).to_be_focused()


def test_forms_work_without_scripts(visitor: Visitors) -> None:
    visitor.are_cut_off = True  # from the scripts
    page = visitor("topic-plain")
    page.route("**/*.js", lambda route: route.abort())
    page.goto("/topics/")
    toggle(page, "Deployments").click()
    expect(page).to_have_url(re.compile(r"/topics/#topic-deploys$"))
    is_followed(page, "Deployments")
    toggle(page, "Deployments").click()
    is_followed(page, "Deployments", followed=False)


WATCH = """li => {
    window.changes = [];
    const kept = { attributes: true, attributeFilter: ["aria-busy"], childList: true, subtree: true };
    new MutationObserver((records) => window.changes.push(...records.map(({ type }) => type))).observe(li, kept);
}"""


def test_refusal_is_shown_beside_the_topic_when_that_is_busy_no_more(visitor: Visitors) -> None:
    page = visitor("topic-unlucky")
    WebSocketProxy(page, to_hub=lambda frame: frame.replace('"topics.follow"', '"topics.no_such_method"'))
    page.goto("/topics/")
    wait_until_live(page)
    topic(page, "Deployments").evaluate(WATCH)
    toggle(page, "Deployments").click()
    expect(topic(page, "Deployments").get_by_role("alert")).to_have_text("This is not available here.")
    assert page.evaluate("window.changes") == ["attributes", "attributes", "childList"]
    is_followed(page, "Deployments", followed=False)


MISS = """
from hub import streams
from hub.users import user_id
from tests.support.people import User
from notifications.models import Follow, Topic
person = User.objects.get(username=user)
Follow.objects.bulk_create([Follow(topic=Topic.objects.get(name=topic), user=person)])  # which tells nobody
streams.renew([f"user:{user_id(person)}"])
"""


def test_changes_that_were_missed_show_when_the_hub_says_so(visitor: Visitors, hub: LiveHub, notify: Notify) -> None:
    page = visitor("topic-sleeper")
    notify("before anything is missed", to="user:topic-sleeper")  # a channel without publications has no stream
    page.goto("/topics/")
    wait_until_live(page)
    hub.shell(MISS, topic="incidents", user="topic-sleeper")
    is_followed(page, "Incidents")
    is_followed(page, "Deployments", followed=False)


def test_closed_topic_shows_to_those_who_are_on_it_with_a_badge_and_no_button(visitor: Visitors, hub: LiveHub) -> None:
    page, guest = visitor("topic-clerk"), visitor()
    page.goto("/topics/")
    expect(topic(page, "Payroll")).to_have_count(0)
    hub.shell(PUT, topic="payroll", user="topic-clerk")
    page.reload()
    expect(topic(page, "Payroll")).to_contain_text("Closed")
    expect(toggle(page, "Payroll")).to_have_count(0)
    guest.goto("/topics/")
    expect(topic(guest, "Payroll")).to_have_count(0)
    expect(toggle(guest, "Deployments")).to_have_count(0)
    expect(guest.get_by_role("main").get_by_role("link", name="Log in")).to_be_visible()


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ru", True)], ids=["light", "russian-dark"])
def test_page_with_topics_is_sound(visitor: Visitors, hub: LiveHub, notify: Notify, language: str, dark: bool) -> None:
    page = visitor("topic-judge", language=language, dark=dark)
    for name in ("payroll", "deploys"):
        hub.shell(PUT, topic=name, user="topic-judge")
    notify("one with the title of a topic", to="topic:deploys")
    page.goto("/topics/")
    expect(page.get_by_role("banner").locator("[data-status=connected]")).to_be_visible()
    is_sound(page, language)
    assert faults(page) == []
    page.goto("/notifications/")
    expect(page.locator("hub-inbox li").filter(has_text="Deployments")).not_to_have_count(0)
    is_sound(page, language)
    assert faults(page) == []
