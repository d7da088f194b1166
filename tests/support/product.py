"""The product of ``tests/projects/inside``, into which the hub is put as the how-to page says: its processes, its
people, and variants of it.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from lab.harness import forking
from lab.harness.environment import BASE_DIR, ending_with_us, free_port
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import wait_for
from tests.package.test_wheel import build
from tests.support.fresh import FreshEnvironment
from tests.support.howto import command_that_stays, follow
from tests.support.once import made_once

PASSWORD = "a long enough password"

HOW_TO = "docs/howto/put-the-hub-into-your-project.md"

#: Where the product has the files that the page speaks of.
PLACES = {
    "settings.py": "shop/settings/__init__.py",
    "urls.py": "shop/urls.py",
    "asgi.py": "shop/asgi.py",
    "celery.py": "shop/celery.py",
}

#: The Redis of the tests is somewhere else. The product has a broker already, and guests.
WRITTEN = {
    '"redis://127.0.0.1:6379/0"': "SHOP_REDIS",
    "CELERY_BROKER_URL = HUB_REDIS_URL  # leave this line out where you have a broker\n": "",
    "HUB_GUESTS = False": "HUB_GUESTS = True",
}


class Product:
    """The product in ``folder``, with a Redis of its own and the packages of ``environment``."""

    def __init__(self, folder: Path, redis: RedisServer, *, environment: Path) -> None:
        self.folder = folder / "product"
        fresh = FreshEnvironment(environment)
        self._python, self.packages = str(fresh.python), fresh.packages
        self.environment = {
            **fresh.variables,
            "SHOP_DATABASE": str(folder / "shop.sqlite3"),
            "SHOP_REDIS": redis.url,
            "SHOP_BROKER": f"redis+socket://{redis.socket}",
            "DJANGO_SETTINGS_MODULE": "shop.settings",
        }

    def follow_page(self) -> None:
        """Make the product, and do all that the page says."""
        shutil.copytree(BASE_DIR / "tests/projects/inside", self.folder, dirs_exist_ok=True)
        build(BASE_DIR, "wheel", self.folder)
        follow(HOW_TO, self.folder, self._type, places=PLACES, written=WRITTEN)

    def _type(self, command: str) -> None:
        self._ended("bash", "-euc", command)

    def run(self, *command: str, **environment: str) -> str:
        """What Python says that runs ``command``, such as ``manage.py``; ``AssertionError`` when it fails."""
        return self._ended(self._python, *command, **environment)

    def _ended(self, *command: str, **environment: str) -> str:
        ended = self.outcome(*command, **environment)
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def outcome(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """How any command ends that is run in the product's folder."""
        return forking.run(
            command,
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def python(self, code: str) -> Any:
        """What ``code`` leaves in ``result``."""
        program = f"import django, json\ndjango.setup()\n{code}\nprint(json.dumps(result))"
        ended = self.outcome(self._python, "-c", program)
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        return json.loads(ended.stdout.splitlines()[-1])

    def variant(self, name: str, settings: str = "", files: Mapping[str, str] | None = None) -> "Product":
        """The product with these lines at the end of its settings, and a database of its own, without tables; with
        ``files``, other texts of files, in a folder of its own too."""
        varied = copy(self)
        if files:
            varied.folder = self.folder.parent / name
            shutil.copytree(self.folder, varied.folder)
            for file, text in files.items():
                (varied.folder / file).write_text(text)
        (varied.folder / "shop/settings" / f"{name}.py").write_text(f"from shop.settings import *\n{settings}\n")
        varied.environment = self.environment | {
            "DJANGO_SETTINGS_MODULE": f"shop.settings.{name}",
            "SHOP_DATABASE": str(varied.folder / f"{name}.sqlite3"),
        }
        return varied

    def check(self) -> str:
        """What ``manage.py check`` says, whatever that is."""
        ended = self.outcome(self._python, "manage.py", "check")
        return ended.stdout + ended.stderr

    @contextmanager
    def process(self, log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of the product, which ends with the block."""
        with log.open("w") as output:
            process: subprocess.Popen[bytes] = forking.Popen(
                ending_with_us([self._python, *command]),
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)

    @contextmanager
    def served(self, log: Path, *command: str) -> Iterator[str]:
        """The product's web process, by the command of the page unless ``command`` names another; gives its address,
        without the scheme. ``{port}`` in the command is the port."""
        with self.web_process(log, *command) as (_, address):
            yield address

    @contextmanager
    def web_process(self, log: Path, *command: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
        """The same, and the process itself."""
        port = free_port()
        address = f"127.0.0.1:{port}"
        if not command:
            command = tuple(command_that_stays(HOW_TO).replace("8000", "{port}").split()[1:])
        with self.process(log, *(part.format(port=port) for part in command)) as process:
            wait_for(lambda: process.poll() is not None or is_live(address), timeout=60, that="the product is served")
            assert process.poll() is None, log.read_text()
            yield process, address


def is_live(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/app/hub/health/live").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def logged_in(address: str, mail: str) -> Iterator[httpx.Client]:
    """A browser of this person, without JavaScript."""
    with httpx.Client(base_url=f"http://{address}", follow_redirects=True, timeout=30) as client:
        client.get("/app/login/")
        form = {"username": mail, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        assert "Your orders" in client.post("/app/login/", data=form).text
        yield client


def socket(address: str, path: str, client: httpx.Client | None = None) -> Any:
    """A WebSocket of this person, to be entered with ``async with``."""
    cookie = {} if client is None else {"Cookie": f"shop_session={client.cookies['shop_session']}"}
    return websockets.connect(f"ws://{address}{path}", additional_headers=cookie)


def person(product: Product, name: str) -> str:
    """The mail address of a new person."""
    product.python(
        "from people.models import Person\n"
        f"Person.objects.create_user({name + '@example.org'!r}, {PASSWORD!r}, full_name={name.title()!r})\nresult = 1"
    )
    return f"{name}@example.org"


async def ship(product: Product, mail: str, number: str) -> None:
    """Save an order of this person's that is on its way: the product alerts them."""
    await asyncio.to_thread(
        product.python,
        "from orders.models import Order\nfrom people.models import Person\n"
        f"Order.objects.create(customer=Person.objects.get(email={mail!r}), number={number!r}, is_shipped=True)\n"
        "result = 1",
    )


async def alert_of_bell(ws: Any) -> str:
    """The text of the next alert on a client connection, as the bell has one."""
    while True:
        for line in (await ws.recv()).splitlines():
            frame = json.loads(line)
            if not frame:
                await ws.send("{}")  # the keepalive
            elif frame.get("push", {}).get("pub"):
                return str(frame["push"]["pub"]["data"]["message"])


@contextmanager
def installed(factory: pytest.TempPathFactory, name: str) -> Iterator[Product]:
    """The product with the hub from a wheel that was built for it, and its tables, in a temporary folder of this name.

    The page is followed once for all test processes. Folder, database and Redis are the caller's alone.
    """
    folder = factory.mktemp(name)
    made = _made(factory)
    shutil.copytree(made / "product", folder / "product")
    shutil.copy(made / "shop.sqlite3", folder)
    with _redis(folder) as redis:
        yield Product(folder, redis, environment=made / "venv")


def _made(factory: pytest.TempPathFactory) -> Path:
    """The folder in which the page was followed in this test run."""
    of_process = factory.getbasetemp()
    of_run = of_process.parent if "PYTEST_XDIST_WORKER" in os.environ else of_process
    made = of_run / "product that was made"

    def make() -> None:
        with _redis(made) as redis:
            Product(made, redis, environment=made / "venv").follow_page()

    made_once(made, make)
    return made


@contextmanager
def _redis(folder: Path) -> Iterator[RedisServer]:
    redis = RedisServer(folder / "redis.sock")
    redis.start()
    try:
        yield redis
    finally:
        redis.stop()
