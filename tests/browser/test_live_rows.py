"""The page of the how-to on live rows: its list follows the database without further code."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.browser.proxies import TcpProxy
from tests.docs.documents import block, blocks
from tests.support.live import LiveHub, new_database

HOW_TO = "docs/howto/live-rows.md"

SETTINGS = """
from hub.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "shop"]
ROOT_URLCONF = "shop_urls"
"""

URLS = """
from django.urls import include, path

urlpatterns = [path("", include("shop.urls")), path("", include("hub.web.project_urls"))]
"""


def shop_in(folder: Path) -> None:
    """Write the files of the how-to, and what a project has besides."""
    (page,) = blocks(HOW_TO, "html")
    files = {
        "shop_settings.py": SETTINGS,
        "shop_urls.py": URLS,
        "shop/__init__.py": "",
        "shop/models.py": block("README.md", "shop/models.py"),
        "shop/templates/shop/orders.html": page,
        "shop/static/shop/orders.js": block(HOW_TO, "shop/static/shop/orders.js", "js"),
    }
    for name in ("live_rows", "namespaces", "views", "urls"):
        files[f"shop/{name}.py"] = block(HOW_TO, f"shop/{name}.py")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHub]:
    """A hub with the shop of the how-to in it."""
    folder = tmp_path_factory.mktemp("live_rows")
    shop_in(folder)
    with new_database(folder / "var") as database:
        known = database.get("DATABASE_URL", "")  # an empty one is SQLite
        running = LiveHub(
            folder / "var",
            web_processes=1,
            DJANGO_SETTINGS_MODULE="shop_settings",
            PYTHONPATH=str(folder),
            DATABASE_URL=known,
        )
        made = running.manage("makemigrations", "shop")
        assert made.returncode == 0, made.stderr
        running.start()
        yield running
        running.stop()


def test_the_list_follows_the_database(visitor: Visitors, hub: LiveHub, network: TcpProxy) -> None:
    def run(code: str) -> None:
        hub.shell(f"from tests.support.people import User\nfrom shop.models import Order\n{code}")

    page = visitor("ada", port=network.port)
    run("Order.objects.create(number='1', customer=User.objects.get(username='ada'))")
    page.goto("/orders/")
    rows = page.get_by_role("listitem")
    expect(rows).to_have_text(["1 is being packed"])
    page.evaluate("() => { window.isTheSamePage = true; }")
    run(
        "ada, ben = User.objects.get(username='ada'), User.objects.create_user('ben')\n"
        "Order.objects.create(number='3', customer=ada)\nOrder.objects.create(number='2', customer=ada)\n"
        "Order.objects.create(number='9', customer=ben)\nOrder.objects.get(number='1').ship()"
    )
    expect(rows).to_have_text(["1 is on its way", "2 is being packed", "3 is being packed"])
    network.cut()
    run(
        "Order.objects.get(number='1').delete()\nthird = Order.objects.get(number='3')\n"
        "third.customer = User.objects.get(username='ben')\nthird.save()\nOrder.objects.get(number='2').ship()"
    )
    network.restore()
    expect(rows).to_have_text(["2 is on its way"])
    assert page.evaluate("window.isTheSamePage")
