"""The lines for the browser's console work in a browser's console."""

import pytest
from playwright.sync_api import sync_playwright

from tests.docs.documents import blocks
from tests.support.chromium import ARGUMENTS, find_chromium
from tests.support.live import LiveHub

pytestmark = pytest.mark.browser


def test_the_console_example_of_the_readme_sends_and_receives(hub: LiveHub) -> None:
    session = hub.create_user("staff at the console", staff=True)
    (example,) = blocks("README.md", "js")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        context = browser.new_context(base_url=hub.url)
        context.add_cookies([{"name": "sessionid", "value": session, "url": hub.url}])
        page = context.new_page()
        page.goto("/notifications/")
        with page.expect_console_message(lambda message: "Hello from the console" in message.text) as logged:
            page.evaluate(f"() => {{ {example} }}")
        frame = logged.value.args[0].json_value()
        browser.close()
    assert frame["type"] == "notification"
