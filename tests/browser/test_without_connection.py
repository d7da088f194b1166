"""Widgets on a page of a Django project, which has nothing else of the hub, when they have no connection."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from lab.harness.waiting import wait_for
from tests.browser.conftest import TIMEOUT, Visitors
from tests.browser.proxies import WebSocketProxy
from tests.support.live import LiveHub

PRODUCT = """<!DOCTYPE html>
<html lang="en">
  <head>
    <title>Orders</title>
    <link rel="icon" href="data:,">
    <script id="hub-config" type="application/json">{config}</script>
    <script type="module" src="{script}"></script>
  </head>
  <body><hub-bell></hub-bell><hub-online></hub-online></body>
</html>
"""


def open_product(page: Page) -> None:
    """A page that a product renders with ``hub_scripts``: of the hub's own pages it has only what that prints."""
    page.goto("/")
    config = page.evaluate("document.getElementById('hub-config').textContent")
    script = page.evaluate("document.querySelector('script[src*=\"widgets\"]').src")
    html = PRODUCT.format(config=json.dumps(json.loads(config)), script=script)
    page.route("**/product/", lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=html))
    page.goto("/product/")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (3503, "An administrator has ended the connection. Load the page again later."),
        (3507, "Only people who are logged in can use this. Log in, and load the page again."),
        (4999, "The hub has ended the connection. Load the page again."),
    ],
)
def test_widget_says_why_it_cannot_go_on(visitor: Visitors, hub: LiveHub, code: int, sentence: str) -> None:
    page = visitor(f"closed-{code}")
    open_product(page)
    expect(page.locator("hub-online")).to_have_attribute("ready", "")
    bell = page.locator("hub-bell").get_by_role("button").first
    expect(bell).to_have_accessible_name("Alerts")
    hub.shell(
        "from hub.access.control import DisconnectUser, send\n"
        "from hub.users import user_id\n"
        "from tests.support.people import User\n"
        "send(DisconnectUser(user=user_id(User.objects.get(username=name)), code=number))",
        name=f"closed-{code}",
        number=code,
    )
    expect(bell).to_have_accessible_name(f"Alerts: {sentence}")
    expect(page.locator("hub-online [part=fault]")).to_have_attribute("title", sentence)


def test_widget_says_that_the_hub_is_away_until_it_is_back(visitor: Visitors) -> None:
    visitor.are_cut_off = True
    page = visitor("waits")
    proxy = WebSocketProxy(page)
    is_away = True
    page.route(
        re.compile("/connection/(http_stream|sse)"), lambda route: route.abort() if is_away else route.continue_()
    )
    proxy.close_code = 1013
    # Its time goes on when the test says so, however long the test takes.
    page.clock.install(time=0)
    page.clock.pause_at(1_000)
    open_product(page)
    bell = page.locator("hub-bell").get_by_role("button").first

    def has_name(name: str) -> bool:
        page.clock.run_for(2_000)
        return bool(bell.get_attribute("aria-label") == name)

    page.clock.run_for(14_000)
    expect(bell).to_have_accessible_name("Alerts")
    away = "Alerts: The hub does not answer. This appears again as soon as it does."
    wait_for(lambda: has_name(away), timeout=TIMEOUT / 1000, that="the bell says it")
    is_away = False
    proxy.close_code = 0
    wait_for(lambda: has_name("Alerts"), timeout=TIMEOUT / 1000, that="the bell is as before")
    expect(bell).to_have_accessible_name("Alerts")
