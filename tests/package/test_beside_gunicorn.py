"""The product's pages stay with gunicorn; the hub is served beside it, and nginx decides, as the page says."""

import asyncio
import configparser
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from lab.harness.environment import ending_with_us, free_port
from lab.harness.nginx import NGINX
from lab.harness.waiting import wait_for
from tests.docs.documents import blocks
from tests.support.nginx import needs_nginx
from tests.support.product import Product, alert_of_bell, installed, is_live, logged_in, person, ship, socket

pytestmark = [pytest.mark.slow, pytest.mark.any_database, pytest.mark.timeout(600), needs_nginx]

HOW_TO = "docs/howto/run-beside-gunicorn.md"

#: Where the page has the hub's socket and its path.
SOCKET, PATH = "/run/shop/hub.sock", "location /hub/"

WSGI = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""

#: Its processes are root's where root starts it: the temporary folder is closed to others.
NGINX_CONF = """
daemon off;
user root;
pid {folder}/nginx.pid;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {connection_map}
    server {{
        listen 127.0.0.1:{port};
        {hub}
        location / {{
            proxy_pass http://127.0.0.1:{pages};
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with installed(tmp_path_factory, "gunicorn") as product:
        (product.folder / "shop/wsgi.py").write_text(WSGI)
        yield product


@contextmanager
def proxy(folder: Path, pages: int) -> Iterator[str]:
    """The address of an nginx with what the page shows, before the hub's socket in ``folder`` and gunicorn's port."""
    (shown,) = blocks(HOW_TO, "nginx")
    assert SOCKET in shown
    assert PATH in shown
    shown = shown.replace(SOCKET, f"{folder}/hub.sock").replace(PATH, "location /app/hub/")
    # A port that is not the usual one is part of the origin of a page.
    connection_map, _, hub = shown.replace("$host;", "$http_host;").partition("\n")
    port, log = free_port(), folder / "nginx.log"
    (folder / "nginx.conf").write_text(
        NGINX_CONF.format(folder=folder, connection_map=connection_map, hub=hub, port=port, pages=pages)
    )
    log.touch()
    command = [str(NGINX), "-e", str(log), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(ending_with_us(command))
    try:
        address = f"127.0.0.1:{port}"
        wait_for(lambda: process.poll() is not None or is_live(address), timeout=60, that="nginx reaches the hub")
        assert process.poll() is None, log.read_text()
        yield address
    finally:
        process.terminate()
        process.wait(30)


def started_by_the_page() -> list[str]:
    """What the page's unit of systemd starts, without the program, which is the environment's Python."""
    (shown,) = blocks(HOW_TO, "ini")
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # as the documents of configparser do it
    unit.read_string(shown)
    return unit["Service"]["ExecStart"].split()[1:]


async def test_pages_of_gunicorn_are_told_live_by_the_hub_beside_it(product: Product, tmp_path: Path) -> None:
    ada = await asyncio.to_thread(person, product, "ada")
    port = free_port()
    hub = [part.replace(SOCKET, f"{tmp_path}/hub.sock") for part in started_by_the_page()]
    gunicorn = ["-m", "gunicorn", "shop.wsgi", "--bind", f"127.0.0.1:{port}"]
    with (
        product.process(tmp_path / "hub.log", *hub),
        product.process(tmp_path / "gunicorn.log", *gunicorn),
        proxy(tmp_path, port) as address,
        logged_in(address, ada) as browser,
    ):
        assert httpx.get(f"http://127.0.0.1:{port}/app/login/").headers["server"].startswith("gunicorn")
        page = browser.get("/app/").text
        assert "<hub-bell" in page
        async with socket(address, "/app/hub/connection/websocket", browser) as bell:
            await bell.send('{"id":1,"connect":{}}')
            assert "connect" in json.loads((await bell.recv()).splitlines()[0])
            await ship(product, ada, "G1")
            assert await asyncio.wait_for(alert_of_bell(bell), 30) == "Order G1 is on its way"
        # What the page lists first among the mistakes: the proxy sends the hub's path to gunicorn.
        refused = httpx.get(f"http://127.0.0.1:{port}/app/hub/events", params={"channel": "everyone"})
        assert refused.status_code == 501
    assert "client_connections_not_served" in (tmp_path / "gunicorn.log").read_text()
    assert "Traceback" not in (tmp_path / "hub.log").read_text() + (tmp_path / "gunicorn.log").read_text()
