"""The clients in the documents work against a running hub."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rig.waiting import await_for, wait_for
from tests.docs.documents import block, blocks
from tests.support.live import LiveHub

HOW_TO = "docs/howto/connect-a-client.md"
SHOWN_ADDRESS = "ws://127.0.0.1:8000"

SEND = "from notifications import notify\nfor message in messages: notify(to=to, message=message)"


def test_the_ten_lines_of_the_readme_print_alerts(hub: LiveHub, tmp_path: Path) -> None:
    code = block("README.md", "listen.py")
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

    with urllib.request.urlopen(f"{hub.url}/health/ready", timeout=10) as answer:  # noqa: S310  # our own hub
        real = json.loads(answer.read())
    (example,) = [json.loads(text) for text in blocks("docs/howto/watch-the-hub.md", "json")]
    assert shape_of(example) == shape_of(real)


def shape_of(value: object) -> object:
    return {key: shape_of(item) for key, item in value.items()} if isinstance(value, dict) else None
