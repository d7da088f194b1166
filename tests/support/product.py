"""A product that installs the wheel (``tests/projects/inside``): its processes, its people, and variants of it."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import httpx

from lab.harness.environment import BASE_DIR, ending_with_us, free_port
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import wait_for
from tests.package.test_wheel import build

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

    def variant(self, name: str, settings: str) -> "Product":
        """The product with these lines at the end of its settings, and a database of its own, without tables."""
        (self.folder / "shop/settings" / f"{name}.py").write_text(f"from shop.settings import *\n{settings}\n")
        varied = copy(self)
        varied.environment = self.environment | {
            "DJANGO_SETTINGS_MODULE": f"shop.settings.{name}",
            "SHOP_DATABASE": str(self.folder / f"{name}.sqlite3"),
        }
        return varied

    def check(self) -> list[str]:
        """The ids of what the checks of Django say."""
        said = self.python("from django.core import checks\nresult = [message.id for message in checks.run_checks()]")
        return [str(name) for name in said]

    @contextmanager
    def process(self, log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of the product, which ends with the block."""
        with log.open("w") as output:
            process = subprocess.Popen(
                ending_with_us([sys.executable, *command]),
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
        """The product's web process, by the hub's server unless ``command`` names another; gives its address, without
        the scheme. ``{port}`` in the command is the port."""
        port = free_port()
        address = f"127.0.0.1:{port}"
        command = command or ("-m", "hub.server", "shop.asgi:application", "--port", "{port}")
        with self.process(log, *(part.format(port=port) for part in command)) as process:
            wait_for(lambda: process.poll() is not None or is_live(address), timeout=60, that="the product is served")
            assert process.poll() is None, log.read_text()
            yield address


def is_live(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/app/hub/health/live").status_code == 200
    except httpx.TransportError:
        return False


def person(product: Product, name: str) -> str:
    """The mail address of a new person."""
    product.python(
        "from people.models import Person\n"
        f"Person.objects.create_user({name + '@example.org'!r}, {PASSWORD!r}, full_name={name.title()!r})\nresult = 1"
    )
    return f"{name}@example.org"


@contextmanager
def installed(folder: Path) -> Iterator[Product]:
    """The product with the hub from a wheel that is built for it, a Redis of its own, and its tables."""
    redis = RedisServer(folder / "redis.sock")
    redis.start()
    try:
        made = Product(folder, build(BASE_DIR, "wheel", folder / "dist"), redis)
        made.run("manage.py", "migrate", "--verbosity", "0")
        yield made
    finally:
        redis.stop()
