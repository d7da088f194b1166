"""The README's lines for the browser's console work in a browser's console."""

from tests.browser.conftest import Visitors
from tests.docs.documents import blocks


def test_the_console_example_of_the_readme_sends_and_receives(visitor: Visitors) -> None:
    (example,) = [code for code in blocks("README.md", "js") if "new WebSocket(" in code]
    page = visitor("staff at the console", staff=True)
    page.goto("/notifications/")
    with page.expect_console_message(lambda message: "Hello from the console" in message.text) as logged:
        page.evaluate(f"() => {{ {example} }}")
    assert logged.value.args[0].json_value()["type"] == "notification"
