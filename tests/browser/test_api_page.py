"""``/api/docs`` works under the hub's own policy, and calls can be tried there."""

from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.support.live import LiveHub


def test_page_shows_every_method_without_a_complaint(visitor: Visitors) -> None:
    page = visitor()
    page.goto("/api/docs")
    for method in ("publish", "broadcast", "history", "presence_stats", "batch", "notify"):
        expect(page.get_by_role("button", name=f"POST /api/{method} ").first).to_be_visible()
    expect(page.get_by_role("heading", name="Chat")).to_be_visible()
    expect(page.get_by_role("heading", name="default")).to_have_count(0)
    assert page.locator("html").get_attribute("lang") == "en"
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_class("dark-mode")


def test_nothing_comes_from_elsewhere(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/api/docs")
    expect(page.get_by_role("button", name="POST /api/publish Publish")).to_be_visible()
    assert [url for url in asked if not url.startswith((hub.url, "data:"))] == []


def test_call_is_tried_on_the_page(visitor: Visitors, hub: LiveHub) -> None:
    made = hub.manage("api_key", "create", "the page", "--methods", "info")
    page = visitor()
    page.goto("/api/docs")
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_role("textbox", name="auth-api-key-value").or_(page.locator(".auth-container input")).first.fill(
        made.stdout.strip()
    )
    page.get_by_role("button", name="Apply credentials").click()
    page.locator(".btn-done").click()
    info = page.locator("[id^=operations-][id$=-info]")
    info.get_by_role("button", name="post").first.click()
    info.get_by_role("button", name="Try it out").click()
    info.get_by_role("button", name="Execute").click()
    expect(info.locator(".live-responses-table")).to_contain_text("num_clients")
