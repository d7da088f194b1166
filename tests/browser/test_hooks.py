"""The hooks for React and the composables for Vue, each on a page of its own."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from lab.harness.environment import BASE_DIR

PAGE = "http://shop.example/"

ORDERS = {"items": [{"id": 1, "name": "paper"}], "position": {"epoch": "e1", "offset": 4}}

ALERTS = {"items": [], "unread": 3, "more": False, "positions": {}}


def bundled(framework: str, folder: Path) -> str:
    """The script of the page in this framework."""
    target = folder / "page.js"
    subprocess.run(
        [
            BASE_DIR / "node_modules/.bin/esbuild",
            f"tests/js/hooks/{framework}.js",
            "--bundle",
            "--format=esm",
            "--define:process.env.NODE_ENV='development'",
            "--log-level=warning",
            f"--outfile={target}",
        ],
        cwd=BASE_DIR,
        env={"PATH": f"{os.environ['PATH']}:{BASE_DIR / '.venv/bin'}", "NODE_PATH": str(BASE_DIR / "node_modules")},
        check=True,
    )
    return target.read_text()


@pytest.fixture(params=["react", "vue"])
def page(request: pytest.FixtureRequest, chromium: Browser, tmp_path: Path) -> Any:
    script = bundled(request.param, tmp_path)
    context = chromium.new_context()
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))

    def answer(route: Route) -> None:
        if route.request.url.endswith("/page.js"):
            route.fulfill(content_type="text/javascript", body=script)
        elif route.request.url.endswith("/orders.json"):
            route.fulfill(content_type="application/json", body=json.dumps(ORDERS))
        else:
            body = '<!DOCTYPE html><main></main><script type="module" src="/page.js"></script>'
            route.fulfill(content_type="text/html", body=body)

    page = context.new_page()
    page.route("**/*", answer)
    page.goto(PAGE)
    yield page
    context.close()
    assert not errors


def expect_lines(page: Page, **lines: str) -> None:
    for name, value in lines.items():
        expect(page.locator(f"#{name}")).to_have_text(value)


def test_hooks_show_what_comes_and_end_with_the_component(page: Page) -> None:
    expect_lines(page, state="connecting", subscription="subscribing", list="idle", orders="", people="null")
    step = page.get_by_role("button", name="Next")
    step.click()
    expect_lines(page, list="ready", orders="ink")
    step.click()
    page.evaluate("connection.begin('orders:7', 4)")
    page.evaluate("connection.begin('online', 0)")
    page.evaluate("alerts => connection.next().then(({ answer }) => answer(alerts))", ALERTS)
    expect_lines(page, state="connected", subscription="subscribed", list="ready", orders="paper", unread="3")
    page.evaluate("publish(5, { item: { id: 2, name: 'clips' } })")
    page.evaluate("connection.publish('online', 0, { count: 12 })")
    expect_lines(page, orders="paper, clips", shipped="none", people="12")
    page.evaluate("publish(6, { type: 'shop.order_shipped', removed: 1 })")
    expect_lines(page, orders="clips", shipped="1")
    answer = "answers => ofPreferences.next().then(({ answer }) => answer(answers))"
    expect_lines(page, language="undefined")
    page.evaluate(answer, {"language": "en"})
    page.evaluate(answer, {"languages": [], "time_zones": [], "language": "en", "time_zone": "UTC"})
    expect_lines(page, language="en")
    page.evaluate("() => { choose({ language: 'ru' }); }")
    page.evaluate(answer, {"language": "ru"})
    expect_lines(page, language="ru")
    page.evaluate("connection.become('reconnecting')")
    expect_lines(page, state="reconnecting")
    step.click()
    expect(page.locator("#state")).to_have_count(0)
    assert page.evaluate("[...connection.subscribed]") == ["online"]
