"""A product that has the hub inside, installed from the wheel, as a person sees it."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from lab.harness.waiting import wait_for
from tests.browser.conftest import TIMEOUT
from tests.browser.page_parts import bell, messages, send_message
from tests.support.product import PASSWORD, Product, installed, person

pytestmark = pytest.mark.slow

#: The product's own queues, in the order in which its team starts its workers.
QUEUES = "shop,shop-orders"


class Shop(NamedTuple):
    """The product, and the address of its web process."""

    product: Product
    address: str


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with installed(tmp_path_factory, "shop") as product, product.served(product.folder / "web.log") as address:
        yield Shop(product, address)


@pytest.fixture
def asked() -> list[str]:
    """The paths that the page has asked for."""
    return []


@pytest.fixture
def page(chromium: Browser, shop: Shop, asked: list[str]) -> Iterator[Page]:
    """A page of a browser of its own; errors in its console fail the test."""
    context = chromium.new_context(base_url=f"http://{shop.address}", locale="en", reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT)
    errors: list[str] = []
    context.on("console", lambda said: errors.append(said.text) if said.type in {"error", "warning"} else None)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page = context.new_page()
    page.on("websocket", lambda opened: asked.append(urlsplit(opened.url).path))
    yield page
    found = list(errors)
    context.close()
    assert not found


def log_in(page: Page, mail: str) -> None:
    page.goto("/app/login/")
    page.get_by_label("Email").fill(mail)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Your orders")).to_be_visible()


def test_bell_rings_on_a_page_of_the_product_when_its_worker_saves(shop: Shop, page: Page, asked: list[str]) -> None:
    mail = person(shop.product, "ada")
    with page.expect_websocket(lambda opened: urlsplit(opened.url).path == "/app/hub/connection/websocket"):
        log_in(page, mail)
    expect(bell(page)).to_have_accessible_name("Alerts")
    log = shop.product.folder / "worker.log"
    command = ("-m", "celery", "-A", "shop", "worker", "--pool", "solo", "--queues", QUEUES, "--loglevel", "INFO")
    with shop.product.process(log, *command):
        shop.product.python(
            "from django.db import transaction\nfrom orders.models import Order\nfrom orders.tasks import ship\n"
            f"from people.models import Person\nada = Person.objects.get(email={mail!r})\n"
            "try:\n    with transaction.atomic():\n"
            "        Order.objects.create(customer=ada, number='R1', is_shipped=True)\n        raise KeyError\n"
            "except KeyError:\n    pass\n"
            "Order.objects.create(customer=ada, number='A1')\nship.delay('A1')\n"
            "from worker.maintenance import sweep\nsweep.delay()\nresult = 1"
        )
        # Its own task came over its own queue; what was rolled back rang no bell.
        expect(bell(page)).to_have_accessible_name("Alerts: 1 unread alert", timeout=2 * TIMEOUT)  # the worker starts
        wait_for(lambda: "orders.tasks.ship" in log.read_text(), timeout=20, that="Celery writes of the task")
    assert "worker.maintenance.sweep" not in log.read_text().partition("[tasks]")[2].partition("celery@")[2]
    bell(page).click()
    expect(page.locator("hub-bell").get_by_text("Order A1 is on its way")).to_be_visible()
    assert [path for path in asked if not path.startswith("/app/")] == []
    assert {"/app/static/hub/js/widgets.js", "/app/static/shop/shop.css"} <= set(asked)


def test_own_consumer_answers_beside_the_hubs(page: Page) -> None:
    page.goto("/app/login/")
    said = page.evaluate(
        "() => new Promise((resolve, reject) => {"
        "  const socket = new WebSocket(`ws://${location.host}/app/echo/`);"
        "  socket.onopen = () => socket.send('hello');"
        "  socket.onmessage = (event) => resolve(event.data);"
        "  socket.onerror = reject;"
        "})"
    )
    assert said == "hello"


def test_address_of_a_topic_leads_to_it_inside_the_products_template(shop: Shop, chromium: Browser) -> None:
    shop.product.python(
        "from notifications.models import Topic\n"
        "Topic.objects.bulk_create(Topic(name=f't{n}', title=f'Topic {n}') for n in range(10, 50))\nresult = 1"
    )
    page = chromium.new_page(base_url=f"http://{shop.address}", java_script_enabled=False)
    page.goto("/app/hub/topics/#topic-t40")
    expect(page.get_by_role("heading", name="Topic 40")).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Topic 10")).not_to_be_in_viewport()
    page.context.close()


COLOUR, FONT = "rgb(200, 0, 100)", "monospace"


def test_pages_of_the_hub_and_the_products_page_keep_their_styles(shop: Shop, page: Page) -> None:
    mail = person(shop.product, "eve")
    shop.product.python(
        "from orders.models import Order\nfrom people.models import Person\n"
        f"eve = Person.objects.get(email={mail!r})\n"
        "Order.objects.create(customer=eve, number='E1', is_shipped=True)\nresult = 1"
    )
    log_in(page, mail)
    page.goto("/app/hub/topics/")
    page.add_style_tag(content=f"h1, a {{ color: {COLOUR} !important }} body {{ font-family: {FONT} }}")
    heading = page.get_by_role("heading", name="Topics", exact=True)
    expect(heading).to_be_visible()
    expect(heading).not_to_have_css("color", COLOUR)
    expect(heading).to_have_css("font-family", FONT)  # inherited: the page fits into the product's
    home = page.get_by_role("link", name="Shop")
    expect(home).to_have_css("color", COLOUR)
    assert page.locator("body").evaluate("body => getComputedStyle(body).display") == "block"  # a flexbox on its own
    expect(page.locator("[data-status-text]")).to_have_text("Live")
    page.get_by_role("link", name="Alerts", exact=True).click()
    expect(page.locator("hub-inbox").get_by_text("Order E1 is on its way")).to_be_visible()
    expect(page).to_have_title("Alerts")
    page.get_by_role("link", name="Chat", exact=True).click()
    page.get_by_role("textbox", name="Room name").fill("hall")
    page.get_by_role("button", name="Create room").click()
    send_message(page, "Hello from inside")
    expect(messages(page).filter(has_text="Hello from inside")).to_be_visible()
