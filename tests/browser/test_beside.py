"""The widgets on the pages of a product that stands beside the hub, on another origin."""

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, Route, expect

from lab.harness.environment import BASE_DIR, free_port
from lab.harness.waiting import wait_for
from tests.browser.conftest import TIMEOUT
from tests.package.test_wheel import build
from tests.support.beside import SECRET, Product, product_beside
from tests.support.live import LiveHub, live_hub

PORT = free_port()

NO_TOKEN = "This page has no token for the hub. Log in, and load the page again."
BAD_TOKEN = "The hub does not accept the token of this page. Load the page again."
AWAY = "The hub does not answer. This appears again as soon as it does."


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    """A hub by itself, from the wheel."""
    folder = tmp_path_factory.mktemp("beside")
    with zipfile.ZipFile(build(BASE_DIR, "wheel", folder / "dist")) as wheel:
        wheel.extractall(folder / "installed")
    known = f"http://localhost:{PORT}"
    variables = {
        "HUB_TOKEN_SECRET": SECRET,
        "HUB_TOKEN_ORIGINS": known,
        "HUB_OPEN_NAMESPACES": '{"orders": {"history_size": 100}}',
    }
    with live_hub(folder / "hub", web_processes=1, code=folder / "installed", **variables) as running:
        yield running


@pytest.fixture
def product(hub: LiveHub, tmp_path: Path) -> Iterator[Product]:
    with product_beside(hub, tmp_path / "product.log", port=PORT) as running:
        yield running


class Visitor:
    """Somebody who looks at pages; what their consoles say is kept."""

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self.said: list[str] = []

    def __call__(self, *, language: str = "en") -> Page:
        context = self._chromium.new_context(locale=language, reduced_motion="reduce")
        context.set_default_timeout(TIMEOUT)
        context.on("console", self._listen)
        context.on("weberror", lambda error: self.said.append(str(error.error)))
        return context.new_page()

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.said.append(message.text)


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Visitor]:
    yield Visitor(chromium)
    for context in chromium.contexts:
        context.close()


def bell(page: Page) -> Locator:
    return page.locator("hub-bell").get_by_role("button").first


def expect_name(page: Page, name: str) -> None:
    expect(bell(page)).to_have_accessible_name(name)


def expect_connected(page: Page) -> None:
    expect(page.locator("table")).to_have_attribute("data-hub", "connected")


def expect_fault(page: Page, sentence: str) -> None:
    """The bell is marked, and says why to who points at it and to who opens it."""
    expect_name(page, f"Alerts: {sentence}")
    expect(page.locator("hub-bell .badge")).to_have_text("!")
    bell(page).click()
    expect(page.locator("hub-bell .panel .fault")).to_have_text(sentence)
    expect(page.locator("hub-bell .panel .fault")).to_be_visible()


def with_header(name: str, change: Callable[[str], str]) -> Callable[[Route], None]:
    """Pass a page on with another value of this header."""

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, headers={**response.headers, name: change(response.headers[name])})

    return answer


def with_body(change: Callable[[str], str]) -> Callable[[Route], None]:
    """Pass a page on with another text."""

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=change(response.text()))

    return answer


def test_alert_that_the_product_sends_rings_the_bell_on_its_page(visitor: Visitor, product: Product) -> None:
    page = visitor()
    page.goto(product.log_in_address("beside-ada"))
    expect_connected(page)
    expect_name(page, "Alerts")
    page.get_by_role("button", name="Ship order 1042").click()
    expect_name(page, "Alerts: 1 unread alert")
    bell(page).click()
    panel = page.get_by_role("dialog", name="Alerts")
    expect(panel.locator("li")).to_contain_text("Order 1042 is on its way")
    expect(panel.locator("li svg path").first).to_be_visible()
    # The hub's pages are not for people of the product, and the link leads to a page of the product.
    expect(panel.get_by_role("link")).to_have_count(1)
    panel.get_by_role("link", name="Open").click()
    page.wait_for_url(f"{product.url}/?order=1042")
    expect_name(page, "Alerts")
    assert not visitor.said


def test_page_in_another_language_has_texts_and_plurals_of_it(visitor: Visitor, product: Product) -> None:
    page = visitor(language="ru")
    page.goto(product.log_in_address("beside-lev"))
    page.goto(f"{product.url}/?language=ru")
    expect_connected(page)
    expect_name(page, "Уведомления")
    page.get_by_role("button", name="Отправить заказ 1042").click()
    expect_name(page, "Уведомления: 1 непрочитанное уведомление")
    assert not visitor.said


def test_people_choose_on_a_page_of_the_product_in_its_language(visitor: Visitor, product: Product) -> None:
    page = visitor()
    page.goto(product.log_in_address("beside-mia"))
    page.goto(f"{product.url}/?language=ru")
    expect_connected(page)
    page.evaluate("document.body.append(document.createElement('hub-preferences'))")
    widget = page.locator("hub-preferences")
    # The sentences are the server's, and the browser asks for those of the page, which is not in its own language.
    expect(widget.get_by_text("Оповещения могут отвлечь вас в любое время.")).to_be_visible()
    box = widget.get_by_role("group", name="Всё остальное").get_by_label("Сразу")
    box.uncheck()
    expect(widget.get_by_text("Ваш выбор сохранён.")).to_be_visible()
    page.reload()
    page.evaluate("document.body.append(document.createElement('hub-preferences'))")
    expect(box).not_to_be_checked()
    assert not visitor.said


def test_list_of_the_product_changes_on_every_page_that_shows_it(visitor: Visitor, product: Product) -> None:
    seller, packer = visitor(), visitor()
    for page, name in ((seller, "beside-seller"), (packer, "beside-packer")):
        page.goto(product.log_in_address(name))
        expect_connected(page)
        expect(page.get_by_role("row", name="1042 Okonkwo & Sons Packed")).to_be_visible()
    seller.get_by_role("button", name="Ship order 1042").click()
    for page in (seller, packer):
        expect(page.get_by_role("row", name="1042 Okonkwo & Sons On its way")).to_be_visible()
        expect(page.get_by_role("row")).to_have_count(3)
    assert not visitor.said


def test_token_is_fetched_anew_before_it_ends(visitor: Visitor, hub: LiveHub, tmp_path: Path) -> None:
    asked: list[str] = []

    def count(request: Request) -> None:
        if request.url.endswith("/hub-token"):
            asked.append(request.url)

    def has_asked_again(page: Page) -> bool:
        page.wait_for_timeout(50)  # lets the browser's events in
        return len(asked) > 3

    with product_beside(hub, tmp_path / "product.log", port=PORT, seconds=3) as product:
        page = visitor()
        page.on("request", count)
        page.goto(product.log_in_address("beside-grace"))
        expect_name(page, "Alerts")
        wait_for(lambda: has_asked_again(page), timeout=30, that="the token was fetched anew")
        page.get_by_role("button", name="Ship order 1042").click()
        expect_name(page, "Alerts: 1 unread alert")
    assert not visitor.said


def test_page_may_fetch_tokens_with_its_own_code(visitor: Visitor, product: Product) -> None:
    page = visitor()
    page.goto(product.log_in_address("beside-own"))
    page.route(
        f"{product.url}/",
        with_body(lambda body: body.replace("orders.js", "own-token.js").replace(' data-token-url="/hub-token"', "")),
    )
    page.goto(product.url)
    expect(page).to_have_title("beside-own is connected")
    expect_name(page, "Alerts")
    assert not visitor.said


def test_script_with_the_integrity_that_the_command_prints_is_taken(visitor: Visitor, product: Product) -> None:
    element = product.hub.manage("widgets_integrity", product.hub.url).stdout.strip()
    assert "integrity=" in element
    pinned = element.replace("<script", '<script data-token-url="/hub-token"')
    written = f'<script type="module" src="{product.hub.url}/widgets.js" data-token-url="/hub-token"></script>'
    page = visitor()
    page.route(f"{product.url}/", with_body(lambda body: body.replace(written, pinned)))
    page.goto(product.log_in_address("beside-pinned"))
    page.goto(product.url)
    expect(page.locator("script[integrity]")).to_have_count(1)
    expect_name(page, "Alerts")
    assert not visitor.said


def test_page_of_an_origin_that_the_hub_does_not_know_says_so(visitor: Visitor, hub: LiveHub, tmp_path: Path) -> None:
    with product_beside(hub, tmp_path / "product.log") as stranger:
        page = visitor()
        page.goto(stranger.log_in_address("beside-eve"))
        why = f"HUB_TOKEN_ORIGINS of 127.0.0.1:{hub.port} lacks {stranger.url}."
        expect_fault(page, f"This page may not use the hub: {why}")
    assert any(why in said for said in visitor.said)


def test_page_whose_policy_blocks_the_hub_says_so(visitor: Visitor, product: Product) -> None:
    page = visitor()
    page.route(
        f"{product.url}/",
        with_header("content-security-policy", lambda policy: policy.partition("; connect-src")[0]),
    )
    page.goto(product.log_in_address("beside-strict"))
    page.goto(product.url)
    host = f"127.0.0.1:{product.hub.port}"
    expect_fault(
        page,
        f"The Content-Security-Policy of this page blocks the hub: connect-src needs http://{host} and ws://{host}.",
    )


def test_page_of_nobody_says_that_it_has_no_token(visitor: Visitor, product: Product) -> None:
    page = visitor()
    page.goto(product.url)
    expect_fault(page, NO_TOKEN)


def test_page_whose_token_is_refused_says_so(visitor: Visitor, hub: LiveHub, tmp_path: Path) -> None:
    other = "another secret than that of the hub, of forty characters"
    with product_beside(hub, tmp_path / "product.log", port=PORT, secret=other) as product:
        page = visitor()
        page.goto(product.log_in_address("beside-forger"))
        expect_fault(page, BAD_TOKEN)


def test_page_says_that_the_hub_is_away_until_it_is_back(visitor: Visitor, product: Product) -> None:
    page = visitor()
    asked = re.compile(r"/widgets(\.js|/\w+\.json)$")

    def refuse(route: Route) -> None:
        if route.request.resource_type == "fetch":
            route.abort("connectionrefused")
        else:
            route.continue_()

    page.route(asked, refuse)
    page.goto(product.log_in_address("beside-patient"))
    expect_fault(page, AWAY)
    page.unroute(asked, refuse)
    page.keyboard.press("Escape")
    expect_name(page, "Alerts")
    expect(page.locator("hub-bell .fault")).to_have_count(0)
