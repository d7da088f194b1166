"""The clients in the documents work against a running hub."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from hub.access.control import DisconnectUser, send
from lab.harness.environment import BASE_DIR
from lab.harness.waiting import await_for, wait_for
from notifications import anotify
from tests.connection.node import needs_node
from tests.docs.documents import block, blocks
from tests.hub.serving import serving
from tests.support.live import LiveHub
from tests.support.people import User

pytestmark = pytest.mark.any_database

HOW_TO = "docs/howto/connect-a-client.md"
SHOWN_ADDRESS = "ws://127.0.0.1:8000"

SEND = "from notifications import notify\nfor message in messages: notify(to=to, message=message)"


def test_the_ten_lines_in_python_print_alerts(hub: LiveHub, tmp_path: Path) -> None:
    code = block("docs/simple-endpoints.md", "listen.py")
    assert code.count(SHOWN_ADDRESS) == 1
    (tmp_path / "listen.py").write_text(code.replace(SHOWN_ADDRESS, hub.ws_url))
    printed = tmp_path / "printed"
    with printed.open("wb") as output:
        process = subprocess.Popen([sys.executable, tmp_path / "listen.py"], stdout=output, stderr=output)
    try:

        def prints_it() -> bool:
            assert process.poll() is None, printed.read_text()
            hub.shell(SEND, to="everyone", messages=["For listeners"])  # until it listens, which nobody can see
            return "info For listeners\n" in printed.read_text()

        wait_for(prints_it, timeout=20, that="the script prints the alert")
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    module = ModuleType("shop_client")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(block(HOW_TO, "client.py"), module.__dict__)  # noqa: S102  # the reader runs it too
    function: Callable[..., Any] = module.listen
    return function


async def test_the_client_of_the_how_to_misses_nothing_while_it_is_away(hub: LiveHub, listen: Any) -> None:
    hub.create_user("client of the how-to")
    token = hub.token("client of the how-to")
    positions = {"everyone": ("", 0)}
    seen: list[str] = []
    reloads: list[bool] = []

    def start() -> asyncio.Task[None]:
        return asyncio.create_task(
            listen(
                f"{hub.ws_url}/ws/notifications/",
                lambda frame: seen.append(frame["message"]),
                lambda: reloads.append(True),
                positions=positions,
                token=token,
            )
        )

    async def send(*messages: str) -> None:
        await asyncio.to_thread(hub.shell, SEND, to="user:client of the how-to", messages=list(messages))

    present = start()
    # Its own channel is not in the first cursor: it is told to reload, and gets all positions.
    await await_for(lambda: reloads, that="the first answer")
    await send("1", "2")
    await await_for(lambda: "2" in seen, that="live alerts")
    present.cancel()
    await asyncio.wait([present])
    await send("3", "4")
    present = start()
    await send("5")
    await await_for(lambda: "5" in seen, that="what was missed, and what comes after")
    present.cancel()
    await asyncio.wait([present])
    assert [message for message in seen if message.isdigit()] == ["1", "2", "3", "4", "5"]
    assert reloads == [True]


async def test_the_client_of_the_how_to_gives_up_where_coming_back_is_pointless(hub: LiveHub, listen: Any) -> None:
    from websockets.exceptions import ConnectionClosed

    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(
            listen(f"{hub.ws_url}/ws/notifications/", print, print, positions={}, token="hub_none"), timeout=10
        )
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 4401


def test_the_health_report_of_the_how_to_has_the_keys_of_the_real_one(hub: LiveHub) -> None:
    import urllib.request

    with urllib.request.urlopen(f"{hub.url}/health/ready", timeout=20) as answer:  # noqa: S310  # our own hub
        real = json.loads(answer.read())
    (example,) = [json.loads(text) for text in blocks("docs/howto/watch-the-hub.md", "json")]
    for part in ("worker-deliveries", "worker-bulk"):  # this hub has one worker for all queues
        del example["checks"][part]
    assert shape_of(example) == shape_of(real)


def shape_of(value: object) -> object:
    return {key: shape_of(item) for key, item in value.items()} if isinstance(value, dict) else None


#: JavaScript: what a browser has, for a page in Node.js whose backend hands out the tokens that a test has made.
AS_A_PAGE = """
import WebSocket from "ws";
const tokens = JSON.parse(process.argv[2]);
globalThis.WebSocket = WebSocket;
globalThis.fetch = async (path) => {
  console.log("fetch", path);
  return tokens.length
    ? { ok: true, status: 200, text: async () => tokens.shift() }
    : { ok: false, status: 401 };
};
await import("./page.mjs");
"""


@pytest.mark.slow
@needs_node
@pytest.mark.django_db(transaction=True)
async def test_page_of_another_site_fetches_its_tokens_and_stays_away_without_one(
    settings: Settings, tmp_path: Path
) -> None:
    secret = "a secret that both backends know"
    settings.HUB_TOKEN_SECRET = [secret]
    ada = await User.objects.acreate_user("ada")
    names: dict[str, Any] = {}
    exec(block(HOW_TO, "what GET /hub-token answers"), names)  # noqa: S102  # the reader runs it too
    good = names["hub_token"](ada.pk, secret)
    names["time"] = SimpleNamespace(time=lambda: time.time() - 3600)
    late = names["hub_token"](ada.pk, secret)
    (tmp_path / "node_modules").symlink_to(BASE_DIR / "node_modules")
    (tmp_path / "browser.mjs").write_text(AS_A_PAGE)
    heard = tmp_path / "heard"
    visitors: list[asyncio.subprocess.Process] = []
    try:
        async with serving() as address:
            page = block(HOW_TO, "page.js", "js").replace(SHOWN_ADDRESS, f"ws://{address}")
            (tmp_path / "page.mjs").write_text(page)

            async def visit(*tokens: str) -> asyncio.subprocess.Process:
                arguments = ("node", tmp_path / "browser.mjs", json.dumps(tokens))
                with heard.open("w") as output:
                    visitors.append(await asyncio.create_subprocess_exec(*arguments, stdout=output))
                return visitors[-1]

            visitor = await visit(late, good)
            await await_for(lambda: "connected" in heard.read_text(), that="the page is connected")
            assert heard.read_text().count("fetch /hub-token") == 2
            await anotify(to=ada, message="Hello from the hub")
            alert = f"user:{ada.pk} Hello from the hub"
            await await_for(lambda: alert in heard.read_text(), that="the alert arrives")
            await sync_to_async(send)(DisconnectUser(user=str(ada.pk)))
            assert await asyncio.wait_for(visitor.wait(), 15) == 0
            # A page that gets no token does not try again: there is nothing more that it would wait for.
            visitor = await visit()
            assert await asyncio.wait_for(visitor.wait(), 15) == 0
            assert heard.read_text() == "fetch /hub-token\n"
    finally:
        for visitor in visitors:
            if visitor.returncode is None:
                visitor.kill()
                await visitor.wait()
