"""What the staff see in the admin: every page of the hub's apps without serious faults for axe, on a phone as well."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.test_pages import faults
from tests.support.live import LiveHub

#: Pages of the admin that are no list and no form of a model.
PAGES = [
    "/admin/",
    "/admin/hub_notifications/notification/compose/",
    "/admin/hub_notifications/notification/kinds/",
    "/admin/hub_notifications/notification/people/?person=staff-ada",
    "/admin/hub_notifications/savedrule/add/",
    "/schedules/",
    "/schedules/new/",
]


#: What Django's admin makes by itself: the path is links in a text without lines, and these fields have no names.
DJANGOS = ".breadcrumbs, .selector, .select2"


@pytest.fixture
def chief(visitor: Visitors, hub: LiveHub) -> Page:
    # Of axe itself: the policy forbids the styles with which it measures, and it reads style sheets.
    visitor.expect_in_console("inline style", "preload assets")
    page = visitor("staff-chief", staff=True)
    hub.create_user("staff-ada")
    hub.shell(
        "from tests.support.people import User; User.objects.filter(username='staff-chief').update(is_superuser=True)"
    )
    return page


def own_faults(page: Page) -> list[Any]:
    """Serious faults outside of what Django makes."""
    page.evaluate("djangos => document.querySelectorAll(djangos).forEach(one => one.remove())", DJANGOS)
    return faults(page)


def test_lists_and_pages_of_the_admin_are_sound(chief: Page) -> None:
    chief.goto("/admin/")
    links = chief.locator("#content-main th a, #content-main .addlink").all()
    found = {link.get_attribute("href") or "" for link in links}
    lists = sorted(href for href in found if re.search(r"/admin/(hub|chat|accounts|presence)", href))
    assert len(lists) > 10
    wrong = {}
    for path in [*PAGES, *lists]:
        answer = chief.goto(path)
        assert answer is not None and answer.status == 200, path
        if problems := own_faults(chief):
            wrong[path] = problems
    assert wrong == {}, json.dumps(wrong, indent=1)


def test_page_of_a_notification_asks_before_it_is_sent_again_and_is_sound(chief: Page, hub: LiveHub) -> None:
    pk = hub.shell("from notifications import notify; print(notify(to='user:staff-ada', message='to be seen')[0].pk)")
    report = f"/admin/hub_notifications/notification/{pk}/report/"
    chief.goto(report)
    assert own_faults(chief) == []
    chief.get_by_role("button", name="Send again").click()
    expect(chief.get_by_text("To 1 person")).to_be_visible()
    assert own_faults(chief) == []
    chief.get_by_role("link", name="Cancel").click()
    expect(chief).to_have_url(re.compile(f"{report}$"))
    chief.get_by_role("button", name="Take back").click()
    expect(chief.get_by_text("This cannot be undone.")).to_be_visible()
    chief.set_viewport_size({"width": 360, "height": 740})
    assert chief.evaluate("document.documentElement.scrollWidth <= innerWidth")
    chief.get_by_role("button", name="Take back").click()
    expect(chief.get_by_text("It is taken back.")).to_be_visible()
