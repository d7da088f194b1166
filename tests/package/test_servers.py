"""The product's ASGI application on servers that are not the hub's, which know ``send`` alone."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.support.product import Product, alert_of_bell, installed, logged_in, person, ship, socket

pytestmark = [
    pytest.mark.slow,
    pytest.mark.any_database,
    pytest.mark.timeout(600),  # the first test waits until the page was followed
    pytest.mark.xdist_group("other servers"),
]

#: How each is started. ``{port}`` is the port.
SERVERS = {
    "daphne": ("-m", "daphne", "-b", "127.0.0.1", "-p", "{port}", "shop.asgi:application"),
    "granian": ("-m", "granian", "--interface", "asgi", "--port", "{port}", "shop.asgi:application"),
    "hypercorn": ("-m", "hypercorn", "--bind", "127.0.0.1:{port}", "shop.asgi:application"),
    "uvicorn": ("-m", "uvicorn", "--port", "{port}", "shop.asgi:application"),
}

NO_CLOSE_FRAME = None

#: The code with which each closes WebSockets when it ends. Clients connect again after all of them.
END = {"daphne": NO_CLOSE_FRAME, "granian": NO_CLOSE_FRAME, "hypercorn": 1011, "uvicorn": 1012}

SECRET = "s3cret-w0rd"

#: Seconds for what must come.
WAIT = 30.0


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with installed(tmp_path_factory, "servers") as product:
        yield product


@pytest.fixture(scope="module")
def ada(product: Product) -> str:
    product.python(
        "from chat.actions import create_room\nfrom people.models import Person\n"
        "host = Person.objects.create_user('host@example.org', full_name='Host')\n"
        "create_room(name='hall', creator=host)\nresult = 1"
    )
    return person(product, "ada")


async def alert_of_stream(lines: AsyncIterator[str]) -> str:
    """The text of the next alert of an event stream."""
    async for line in lines:
        if line.startswith("data:") and (data := json.loads(line.removeprefix("data:")).get("data")):
            return str(data["message"])
    raise AssertionError("the stream has ended")


async def message_of_chat(ws: Any) -> str:
    while True:
        frame = json.loads(await ws.recv())
        if frame["type"] == "message" and frame["username"] != "System":
            return str(frame["message"])


@pytest.mark.parametrize("name", SERVERS)
async def test_server_serves_the_product_with_the_hub(product: Product, ada: str, tmp_path: Path, name: str) -> None:
    log = tmp_path / "web.log"
    with product.web_process(log, *SERVERS[name]) as (process, address), logged_in(address, ada) as browser:
        assert "<hub-bell" in browser.get("/app/").text
        cookies = dict(browser.cookies)
        key = product.python(f"from people.models import Person\nresult = str(Person.objects.get(email={ada!r}).pk)")
        async with (
            asyncio.timeout(120),
            httpx.AsyncClient(base_url=f"http://{address}", cookies=cookies, timeout=WAIT) as client,
            client.stream("GET", "/app/hub/events", params={"channel": f"user:{key}"}) as stream,
            socket(address, "/app/hub/connection/websocket", browser) as bell,
            socket(address, "/app/hub/ws/chat/hall/", browser) as chat,
            socket(address, "/app/hub/ws/chat/hall/") as guest,
            socket(address, "/app/echo/") as echo,
        ):
            assert stream.status_code == 200, await stream.aread()
            await bell.send('{"id":1,"connect":{}}')
            assert "connect" in json.loads((await bell.recv()).splitlines()[0])
            await ship(product, ada, f"{name}-1")
            assert await alert_of_bell(bell) == f"Order {name}-1 is on its way"
            assert await alert_of_stream(stream.aiter_lines()) == f"Order {name}-1 is on its way"
            await chat.send('{"message": "hello"}')
            assert await message_of_chat(guest) == "hello"
            await echo.send("hello")
            assert await echo.recv() == "hello"
            with contextlib.suppress(websockets.WebSocketException):
                async with socket(address, f"/app/hub/ws/notifications/?token={SECRET}") as refused:
                    await refused.recv()

            process.terminate()
            for ws in (bell, chat, guest):
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    while True:
                        await ws.recv()
                code = closed.value.rcvd.code if closed.value.rcvd else NO_CLOSE_FRAME
                assert code == END[name]
        process.wait(WAIT)
    said = log.read_text()
    assert "/site-packages/hub/" not in said, said  # no traceback of the hub's
    assert SECRET not in said
