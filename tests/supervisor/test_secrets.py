"""A token that clients send is in no log of any part of a running hub."""

import httpx
import pytest
import websockets

from lab.harness.waiting import await_for
from tests.support.live import LiveHub
from tests.support.sockets import connect

pytestmark = [pytest.mark.live, pytest.mark.any_database]

CANARY = "c4n4ry7Token0Of1Nobody"


async def test_token_of_a_client_reaches_no_log(hub: LiveHub) -> None:
    async def try_socket(query: str = "", token: str | None = None) -> None:
        try:
            async with connect(f"{hub.ws_url}/ws/notifications/{query}", token=token) as client:
                await client.send_json({"token": CANARY, "message": 7})
                await client.receive_json()
        except (websockets.WebSocketException, AssertionError):
            pass  # refused, which is right for a token of nobody

    await try_socket(f"?token={CANARY}")
    await try_socket(f"?x=1&token={CANARY}&since=")
    await try_socket(token=CANARY)
    await try_socket()
    async with httpx.AsyncClient(base_url=hub.url, headers={"Authorization": f"Bearer {CANARY}"}) as client:
        for path in (f"/?token={CANARY}", f"/missing/?access_token={CANARY}", f"/admin/?token={CANARY}"):
            await client.get(path)
        await client.post(f"/accounts/login/?token={CANARY}", data={"username": "x", "password": CANARY})
    # Something of what came after has to be in the log, so that the token could be.
    marker = "missing-page-of-the-canary"
    httpx.get(f"{hub.url}/{marker}")
    await await_for(lambda: marker in hub.logs("web-1") + hub.logs("web-2"), that="the last request is in the log")

    logs = {path.name: path.read_text(errors="replace") for path in (hub.folder / "logs").iterdir()}
    assert {"web-1.log", "web-2.log", "worker.log", "beat.log", "redis.log"} <= set(logs)
    assert [name for name, text in logs.items() if CANARY in text] == []
    assert CANARY not in hub.logs("up")


def test_broker_password_would_reach_no_log() -> None:
    from worker.celery import app

    with app.connection("redis://:canary@localhost/0") as connection:
        assert "canary" not in connection.as_uri()
