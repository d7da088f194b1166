"""A product that installs the wheel: what it has added works, and what it had stays as it was."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from lab.harness.environment import BASE_DIR, ending_with_us, free_port
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import wait_for
from tests.package.test_wheel import build
from worker.scheduling import REGULAR_TASKS

pytestmark = [pytest.mark.slow, pytest.mark.any_database]

PASSWORD = "a long enough password"


class Product:
    """The product of ``tests/projects/inside`` in a folder of its own, with the hub from the wheel."""

    def __init__(self, folder: Path, wheel: Path, redis: RedisServer) -> None:
        self.folder, self.packages = folder / "product", folder / "packages"
        shutil.copytree(BASE_DIR / "tests/projects/inside", self.folder)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.packages)
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.packages),
            "SHOP_DATABASE": str(folder / "shop.sqlite3"),
            "SHOP_REDIS": redis.url,
            "SHOP_BROKER": f"redis+socket://{redis.socket}",
            "DJANGO_SETTINGS_MODULE": "shop.settings",
        }

    def run(self, *command: str, **environment: str) -> str:
        ended = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def python(self, code: str) -> Any:
        """What ``code`` leaves in ``result``."""
        program = f"import django, json\ndjango.setup()\n{code}\nprint(json.dumps(result))"
        return json.loads(self.run("-c", program).splitlines()[-1])

    @contextmanager
    def served(self, log: Path) -> Iterator[str]:
        """The product's web process; gives its address, without the scheme."""
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "hub.server", "shop.asgi:application", "--port", address.partition(":")[2]]
        with log.open("w") as output:
            process = subprocess.Popen(
                ending_with_us(command), cwd=self.folder, env=self.environment, stdout=output, stderr=output
            )
        try:
            wait_for(lambda: process.poll() is not None or is_live(address), timeout=60, that="the product is served")
            assert process.poll() is None, log.read_text()
            yield address
        finally:
            process.terminate()
            process.wait(30)


def is_live(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/app/hub/health/live").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("inside")
    redis = RedisServer(folder / "redis.sock")
    redis.start()
    try:
        made = Product(folder, build(BASE_DIR, "wheel", folder / "dist"), redis)
        made.run("manage.py", "migrate", "--verbosity", "0")
        yield made
    finally:
        redis.stop()


@pytest.fixture(scope="module")
def address(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with product.served(tmp_path_factory.mktemp("log") / "web.log") as address:
        yield address


def person(product: Product, name: str) -> str:
    """The mail address of a new person."""
    product.python(
        "from people.models import Person\n"
        f"Person.objects.create_user({name + '@example.org'!r}, {PASSWORD!r}, full_name={name.title()!r})\nresult = 1"
    )
    return f"{name}@example.org"


@contextmanager
def logged_in(address: str, mail: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}", follow_redirects=True) as client:
        client.get("/app/login/")
        form = {"username": mail, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        assert "Your orders" in client.post("/app/login/", data=form).text
        yield client


def socket(address: str, path: str, client: httpx.Client | None = None) -> Any:
    cookie = {} if client is None else {"Cookie": f"shop_session={client.cookies['shop_session']}"}
    return websockets.connect(f"ws://{address}{path}", additional_headers=cookie)


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
    assert found == ["shop", "shop", "shop", url, regular, maintenance]


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
            frame = json.loads(await asyncio.wait_for(ws.recv(), 10))
    assert frame["message"] == "Order A1 is on its way"


async def test_log_out_of_the_product_closes_the_persons_connections(product: Product, address: str) -> None:
    mail = await asyncio.to_thread(person, product, "bob")
    with logged_in(address, mail) as client:
        async with socket(address, "/app/hub/ws/notifications/", client) as ws:
            form = {"csrfmiddlewaretoken": client.cookies["csrftoken"]}
            await asyncio.to_thread(client.post, "/app/logout/", data=form)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(ws.recv(), 10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4411


async def test_the_products_own_consumer_works_beside_the_hubs_endpoints(address: str) -> None:
    async with socket(address, "/app/echo/") as ws:
        await ws.send("hello")
        assert await asyncio.wait_for(ws.recv(), 10) == "hello"


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
