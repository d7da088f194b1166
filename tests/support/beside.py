"""The product of ``tests/projects/beside``, started with Node on an origin of its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from lab.harness.environment import BASE_DIR, ending_with_us, free_port
from lab.harness.waiting import wait_for
from tests.support.live import LiveHub

#: Signs tokens; one of the hub's.
SECRET = "a secret that the hub and the shop of the tests share"


class Product:
    """A product that runs. ``url`` has another host than the hub's, so it is another site to a browser."""

    def __init__(self, hub: LiveHub, port: int) -> None:
        self.hub = hub
        self.port = port
        self.url = f"http://localhost:{port}"

    def log_in_address(self, name: str) -> str:
        """The address that logs a person in to the product, whom the hub need not know."""
        return f"{self.url}/log-in?id=id-of-{name}&name={name}"

    def is_up(self) -> bool:
        try:
            return httpx.get(self.url).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def product_beside(
    hub: LiveHub, log: Path, *, port: int | None = None, secret: str = SECRET, seconds: int = 600
) -> Iterator[Product]:
    """Run the product beside ``hub``. Without ``port`` it is at one that the hub does not know."""
    product = Product(hub, port or free_port())
    environment = {
        "PATH": f"{os.environ['PATH']}:{BASE_DIR / '.venv/bin'}",
        "PORT": str(product.port),
        "HUB_URL": hub.url,
        "HUB_TOKEN_SECRET": secret,
        "HUB_API_KEY": hub.manage(
            "api_key", "create", "shop", "--methods", "users", "notify", "publish", "history"
        ).stdout.strip(),
        "TOKEN_SECONDS": str(seconds),
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            ending_with_us(["node", str(BASE_DIR / "tests/projects/beside/server.mjs")]),
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: product.is_up() or process.poll() is not None, timeout=60, that="the product is up")
        assert process.poll() is None, log.read_text()
        yield product
    finally:
        process.terminate()
        process.wait(30)
