"""A product that installs the wheel: what it has added works, and what it had stays as it was."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets

from lab.harness.waiting import wait_for
from tests.support.product import Product, installed, logged_in, person, socket
from worker.scheduling import REGULAR_TASKS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.any_database,
    pytest.mark.timeout(600),  # the first test waits until the page was followed
    pytest.mark.xdist_group("inside"),
]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with installed(tmp_path_factory, "inside") as product:
        yield product


@pytest.fixture(scope="module")
def address(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with product.served(tmp_path_factory.mktemp("log") / "web.log") as address:
        yield address


@pytest.mark.parametrize(
    "command", [("manage.py", "test", "--parallel", "2"), ("-m", "pytest", "-q", "-n", "2")], ids=["django", "pytest"]
)
def test_products_own_tests_pass_without_redis_and_broker(product: Product, command: tuple[str, ...]) -> None:
    nowhere = {"SHOP_REDIS": "redis://127.0.0.1:1/0", "SHOP_BROKER": "redis://127.0.0.1:1/1"}
    product.run(*command, **nowhere, DJANGO_SETTINGS_MODULE="shop.settings.test")


def test_checks_of_django_have_nothing_to_say(product: Product) -> None:
    product.run("manage.py", "check", "--fail-level", "WARNING")
    product.run("manage.py", "makemigrations", "--check", "--dry-run")


def test_hub_is_not_started_as_a_project_of_its_own(product: Product) -> None:
    refused = product.python(
        "from django.core.management import CommandError, call_command\n"
        "try:\n    result = call_command('up')\nexcept CommandError as error:\n    result = str(error)"
    )
    assert "python -m hub.server myproject.asgi:application" in refused


def test_wrong_setting_of_the_hub_stops_the_start(product: Product) -> None:
    code = (
        "from django.conf import settings\nfrom django.core.exceptions import ImproperlyConfigured\nimport hub\n"
        "settings.HUB_TOKEN_SECRET = 'one text in place of a list of them, which would be many short secrets'\n"
        "try:\n    result = str(hub.mount(None))\nexcept ImproperlyConfigured as error:\n    result = str(error)"
    )
    assert product.python(code).startswith("HUB_TOKEN_SECRET")


def test_static_files_are_gathered_under_hashed_names(product: Product) -> None:
    product.python(
        "from django.core.management import call_command\nfrom django.test.utils import override_settings\n"
        "storage = {'BACKEND': 'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'}\n"
        "from django.conf import settings\n"
        "with override_settings(STORAGES={**settings.STORAGES, 'staticfiles': storage}, STATIC_ROOT='gathered'):\n"
        "    call_command('collectstatic', interactive=False, verbosity=0)\n"
        "result = 1"
    )
    names = [path.name for path in (product.folder / "gathered/hub/js").iterdir()]
    assert [name for name in names if re.fullmatch(r"widgets\.[0-9a-f]{12}\.js", name)] != []


def test_files_of_the_pages_are_found(product: Product) -> None:
    found = product.python(
        "from django.contrib.staticfiles import finders\nfrom django.template.loader import get_template\n"
        "names = 'hub/js/widgets.js', 'hub/vendor/centrifuge/centrifuge.js'\n"
        "result = [finders.find(name) for name in names] + [get_template('hub/home.html').origin.name]"
    )
    assert [Path(path).is_relative_to(product.packages / "hub") for path in found] == [True, True, True]


def test_celery_application_is_the_products_own(product: Product) -> None:
    found = product.python(
        "from celery import current_app\nfrom orders.tasks import ship\nfrom shop.celery import app\n"
        "app.loader.import_default_modules()\n"
        "result = [current_app.main, ship.app.main, app.conf.task_default_queue, app.conf.broker_url, "
        "sorted(app.conf.beat_schedule), sorted(name for name in app.tasks if name.startswith('worker.maint'))]"
    )
    regular = sorted(task.name for task in REGULAR_TASKS)
    maintenance = [name for name in regular if ".maintenance." in name]
    url = product.environment["SHOP_BROKER"]
    own_queues = {f"worker.maintenance.send_overdue_{name}" for name in ("deliveries", "bulk")}  # it names none
    sent = [name for name in regular if name not in own_queues]
    assert found == ["shop", "shop", "shop", url, sent, maintenance]


#: A real worker of the product's application, on its broker: it runs tasks of which nobody there knows the hub.
WATCHED = """
import time
from celery.contrib.testing.worker import start_worker
from django.test.utils import override_settings
from orders.models import Order
from orders.tasks import ship
from people.models import Person
from shop.celery import app
from django.db import transaction
from worker.models import TrackedJob
from worker.operations import correcting
from worker.tracking import started_by

override_settings(HUB_WATCHED_TASKS=["orders.tasks.sh*"]).enable()
person = Person.objects.get(email={mail!r})
Order.objects.create(customer=person, number="W1", is_shipped=False)
with started_by(person):
    ship.delay("W1"), ship.delay("none")
ship.delay("W1")
rows = TrackedJob.objects.filter(task="orders.tasks.ship")
waiting = rows.filter(state="queued").count()
until = time.monotonic() + 60

def finish():
    while rows.filter(ended_at=None).exists() and time.monotonic() < until:
        time.sleep(0.05)

with start_worker(app, pool="solo", queues=["shop-orders"], perform_ping_check=False, shutdown_timeout=30):
    finish()
    with transaction.atomic():
        correcting.run_corrected(rows.get(state="failed"), '["W1"]', "{{}}")
    finish()
found = rows.values_list("title", "state", "owner", "runs", "error")
result = [waiting, [[title, state, owner == person.pk, *others] for title, state, owner, *others in found]]
"""


def test_plain_task_of_the_products_own_application_is_watched_and_run_again(product: Product) -> None:
    waiting, rows = product.python(WATCHED.format(mail=person(product, "cyd")))
    assert waiting == 3
    assert sorted(rows) == [
        ["Ship", "failed", True, 1, "DoesNotExist: Order matching query does not exist."],
        ["Ship", "succeeded", False, 1, ""],
        ["Ship", "succeeded", True, 1, ""],
        ["Ship", "succeeded", True, 1, ""],  # the one that failed, run again with another number
    ]


async def test_save_of_the_products_model_rings_the_bell_of_its_customer(product: Product, address: str) -> None:
    mail = await asyncio.to_thread(person, product, "ada")
    sales = (
        "from orders.models import Order\nfrom people.models import Person\nfrom django.db import transaction\n"
        f"ada = Person.objects.get(email={mail!r})\n"
        "try:\n    with transaction.atomic():\n"
        "        Order.objects.create(customer=ada, number='A0', is_shipped=True)\n        raise KeyError\n"
        "except KeyError:\n    pass\n"
        "Order.objects.create(customer=ada, number='A1', is_shipped=True)\nresult = 1"
    )
    with logged_in(address, mail) as client:
        page = client.get("/app/").text
        assert "<hub-bell" in page
        assert "/app/hub/connection/websocket" in page
        assert client.get("/app/static/hub/js/widgets.js").status_code == 200
        async with socket(address, "/app/hub/ws/notifications/", client) as ws:
            await asyncio.to_thread(product.python, sales)
            frame = json.loads(await asyncio.wait_for(ws.recv(), 20))
    assert frame["message"] == "Order A1 is on its way"


async def test_log_out_of_the_product_closes_the_persons_connections(product: Product, address: str) -> None:
    mail = await asyncio.to_thread(person, product, "bob")
    with logged_in(address, mail) as client:
        async with socket(address, "/app/hub/ws/notifications/", client) as ws:
            form = {"csrfmiddlewaretoken": client.cookies["csrftoken"]}
            await asyncio.to_thread(client.post, "/app/logout/", data=form)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(ws.recv(), 20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4411


async def test_the_products_own_consumer_works_beside_the_hubs_endpoints(address: str) -> None:
    async with socket(address, "/app/echo/") as ws:
        await ws.send("hello")
        assert await asyncio.wait_for(ws.recv(), 20) == "hello"


@pytest.mark.parametrize("path", ["/app/hub/", "/app/hub/notifications/", "/app/hub/chat/", "/app/hub/online/"])
def test_pages_of_the_hub_are_there(product: Product, address: str, path: str) -> None:
    answer = httpx.get(f"http://{address}{path}")
    assert answer.status_code == 200
    assert "/app/login/" in answer.text


def test_widgets_for_pages_of_other_origins_come_from_the_wheel(product: Product, address: str) -> None:
    element = product.run("manage.py", "widgets_integrity", f"http://{address}")
    found = re.search(r'src="(http://[^"]+/app/hub/widgets\.\w+\.js)"', element)
    assert found, element
    script = httpx.get(found[1])
    assert script.headers["access-control-allow-origin"] == "*"
    assert b"hub-bell" in script.content
    texts = httpx.get(f"http://{address}/app/hub/widgets/ru.json", headers={"Origin": "https://strange.example"})
    assert texts.json()["language"] in {"en", "ru"}
    assert "access-control-allow-origin" not in texts.headers


SUBSETS = [("chat",), ("presence",), ("chat", "presence")]


@pytest.mark.parametrize("without", SUBSETS, ids="-".join)
def test_apps_that_are_not_installed_are_nowhere_seen(product: Product, without: tuple[str, ...]) -> None:
    left_out = f"INSTALLED_APPS = [app for app in INSTALLED_APPS if app not in {without!r}]"
    smaller = product.variant("without_" + "_".join(without), left_out)
    smaller.run("manage.py", "check", "--fail-level", "WARNING")
    smaller.run("manage.py", "migrate", "--verbosity", "0")
    pages = smaller.python(
        "from django.test import Client\nfrom django.template import Context, Template\nclient = Client()\n"
        "names = '', 'notifications/', 'topics/', 'chat/', 'online/'\n"
        "found = {name: client.get(f'/app/hub/{name}') for name in names}\n"
        "result = {name: [page.status_code, page.content.decode()] for name, page in found.items()}\n"
        "tags = '{% load hub %}{% hub_chat \"hall\" %}{% hub_online %}{% hub_bell %}'\n"
        "result['tags'] = [0, Template(tags).render(Context())]"
    )
    there = {"chat": ("<hub-chat", "/app/hub/chat/"), "presence": ("<hub-online", "/app/hub/online/")}
    assert {name: status for name, (status, _) in pages.items() if name != "tags"} == {
        "": 200,
        "notifications/": 200,
        "topics/": 200,
        "chat/": 404 if "chat" in without else 200,
        "online/": 404 if "presence" in without else 200,
    }
    for app, (widget, address) in there.items():
        assert (widget in pages["tags"][1]) == (app not in without)
        for name in ("", "notifications/", "topics/"):
            assert (f'"{address}"' in pages[name][1]) == (app not in without), name
    assert "<hub-bell" in pages["tags"][1]


#: Pages of the hub, and what stands in each that is its own.
OWN_PAGES = {
    "topics/": "hub-config",
    "notifications/preferences/": 'class="preferences"',
    "jobs/": "<hub-jobs",
    "schedules/": "/app/hub/schedules/new/",
    "operations/": "/app/hub/operations/",
}


def test_pages_stand_in_the_products_own_template_for_people_with_uuids(product: Product, address: str) -> None:
    mail = person(product, "boss")
    product.python(
        "from people.models import Person\n"
        f"Person.objects.filter(email={mail!r}).update(is_superuser=True, is_staff=True)\nresult = 1"
    )
    with logged_in(address, mail) as client:
        for path, own in OWN_PAGES.items():
            answer = client.get(f"/app/hub/{path}")
            assert answer.status_code == 200, path
            assert '<a href="/app/">Shop</a>' in answer.text, path
            assert answer.text.count('id="hub-config"') == 1, path
            assert own in answer.text, path
            # All that it leads to is below the product's prefix.
            links = re.findall(r'(?:href|src|action)="(/[^"]*)"', answer.text)
            assert [link for link in links if not link.startswith("/app/")] == [], path


ABOVE = "INSTALLED_APPS = ['hub', *(app for app in INSTALLED_APPS if app != 'hub')]"
RUNSERVER = ("manage.py", "runserver", "127.0.0.1:{port}", "--noreload")


def test_runserver_stays_djangos_and_says_that_it_serves_no_connections(product: Product, tmp_path: Path) -> None:
    log = tmp_path / "runserver.log"
    with product.served(log, *RUNSERVER) as address:
        wanted = {"Upgrade": "websocket", "Connection": "Upgrade"}
        answer = httpx.get(f"http://{address}/app/hub/connection/websocket", headers=wanted)
        assert answer.status_code == 501
        assert "python -m hub.server" in answer.text
        wait_for(lambda: "client_connections_not_served" in log.read_text(), that="the log says it")


async def test_runserver_of_the_hub_serves_the_products_application(product: Product, tmp_path: Path) -> None:
    settings = f"{ABOVE}\nASGI_APPLICATION = 'shop.asgi.application'"
    variant = product.variant("development", settings)
    with variant.served(tmp_path / "runserver.log", *RUNSERVER) as address:
        async with socket(address, "/app/echo/") as ws:
            await ws.send("hello")
            assert await asyncio.wait_for(ws.recv(), 20) == "hello"
        assert httpx.get(f"http://{address}/app/static/shop/shop.css").status_code == 200


def test_runserver_of_the_hub_wants_to_know_what_to_serve(product: Product) -> None:
    with pytest.raises(AssertionError, match="serves ASGI_APPLICATION, and it is not set"):
        product.variant("nothing_to_serve", ABOVE).run("manage.py", "runserver", "--noreload", "127.0.0.1:0")


@pytest.mark.parametrize("part", ["worker", "beat"])
def test_celery_does_not_start_with_a_wrong_setting(product: Product, part: str) -> None:
    variant = product.variant("wrong_for_celery", "HUB_REQUESTS = 'many'")
    with pytest.raises(AssertionError, match="Error: HUB_REQUESTS must be"):
        variant.run("-m", "celery", "-A", "shop", part)


def test_server_says_which_apps_wait_for_their_tables(product: Product, tmp_path: Path) -> None:
    log, sentence = tmp_path / "web.log", "Run python manage.py migrate."
    with product.variant("bare").served(log):
        wait_for(lambda: sentence in log.read_text(), timeout=30, that="the server says what is missing")
    assert re.search(r"lacks what the migrations of .*\bhub, hub_chat, .* make\.", log.read_text())
    with product.served(log) as address:
        assert httpx.get(f"http://{address}/app/hub/").is_success
    assert "Serving at" in log.read_text() and sentence not in log.read_text()
