"""The HTTP API of a hub that runs: over HTTP, with several web processes, with Redis and without."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from hub.access.reasons import End
from hub.limits.connections import BODY_LIMIT
from lab.harness.waiting import wait_for
from tests.live.parts import crowding, tracebacks, web_urls
from tests.support.live import LiveHub
from tests.support.people import id_of_nobody
from tests.support.sockets import connect

#: Code: says what the user ``name`` is called outside.
ID = """
from hub.users import user_id
from tests.support.people import User
print(user_id(User.objects.get(username=name)))
"""


def program(hub: LiveHub, url: str | None = None) -> httpx.Client:
    """A program with a new key for everything, which talks to the hub or to one of its web processes."""
    made = hub.manage("api_key", "create", "a test")
    assert made.returncode == 0, made.stderr
    address = (url or hub.url).replace("ws://", "http://")
    return httpx.Client(base_url=f"{address}/api/", headers={"X-API-Key": made.stdout.strip()}, trust_env=False)


def call(client: httpx.Client, method: str, **request: Any) -> Any:
    response = client.post(method, json=request)
    assert response.status_code == 200, response.text
    return response.json()["result"]


async def test_alert_over_http_reaches_a_socket(hub: LiveHub, unique: str) -> None:
    cookie = hub.create_user(unique)
    with program(hub) as client:
        async with connect(f"{hub.ws_url}/ws/notifications/", session=cookie) as reader:
            call(client, "notify", to=f"user:{unique}", message="from outside")
            assert (await reader.receive_type("notification"))["message"] == "from outside"


def both_are_told_of(client: httpx.Client, channel: str) -> None:
    # A process has a bounded time to answer; one that a busy machine keeps from it is left out, that time.
    expected = {"channels": {channel: {"num_clients": 2}}}
    wait_for(lambda: call(client, "channels", pattern=channel) == expected, timeout=20, that="both have the channel")
    wait_for(lambda: len(call(client, "info")["nodes"]) == 2, timeout=20, that="both tell of themselves")
    nodes = call(client, "info")["nodes"]
    assert len({node["uid"] for node in nodes}) == len(nodes)


async def test_info_and_channels_tell_of_both_web_processes(hub: LiveHub, unique: str) -> None:
    cookie = hub.create_user(unique)
    person = hub.shell(ID, name=unique)
    first, second = web_urls(hub)
    async with (
        connect(f"{first}/ws/notifications/", session=cookie) as one,
        connect(f"{second}/ws/notifications/", session=cookie) as other,
    ):
        for reader in (one, other):
            await reader.send_json({"message": ""})
            await reader.receive_type("error")  # it is in now
        for url in (first, second):
            with program(hub, url) as client:
                both_are_told_of(client, f"user:{person}")


async def test_disconnect_over_http_closes_the_sockets_of_both_web_processes(hub: LiveHub, unique: str) -> None:
    cookie = hub.create_user(unique)
    person = hub.shell(ID, name=unique)
    first, second = web_urls(hub)
    async with (
        connect(f"{first}/ws/notifications/", session=cookie) as one,
        connect(f"{second}/ws/notifications/", session=cookie) as other,
    ):
        for reader in (one, other):
            await reader.send_json({"message": ""})
            await reader.receive_type("error")
        with program(hub) as client:
            call(client, "disconnect", user=person, disconnect={"code": 4500, "reason": "bye"})
        assert [await one.close_code(), await other.close_code()] == [End.DISCONNECTED.simple, End.DISCONNECTED.simple]


def in_chunks(size: int) -> Iterator[bytes]:
    """A body whose length is not announced."""
    for _ in range(size // 65536 + 1):
        yield b" " * 65536


@pytest.mark.parametrize("body", ["announced", "in chunks"])
def test_body_over_the_limit_is_refused_and_the_next_request_is_served(hub: LiveHub, body: str) -> None:
    with program(hub) as client:
        content = b" " * (BODY_LIMIT + 1) if body == "announced" else in_chunks(BODY_LIMIT)
        try:
            status = client.post("info", content=content).status_code
        except httpx.HTTPError:  # the connection ended while the rest of the body was on its way
            status = 413
        assert status == 413
        assert client.post("info", content=b" " * (BODY_LIMIT - 2) + b"{}").status_code == 200


def test_document_names_every_method(hub: LiveHub) -> None:
    document = httpx.get(f"{hub.url}/api/openapi.json", trust_env=False).json()
    assert {"/api/publish", "/api/notify", "/api/batch"} <= document["paths"].keys()
    references = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert references <= document["components"]["schemas"].keys()


def test_key_is_in_no_log(hub: LiveHub) -> None:
    with program(hub) as client:
        call(client, "info")
        client.post("publish", content=b"[")
        client.get("publish")
        key = client.headers["X-API-Key"]
    assert key not in hub.logs("web-1") + hub.logs("web-2") + hub.logs("up")


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that neither works nor ends: worse for those who depend on it than one that is gone."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
async def test_api_answers_within_bounds_and_delivers_while_redis_is_away(
    fragile_hub: LiveHub, redis_pid: int
) -> None:
    before = tracebacks(fragile_hub)
    with program(fragile_hub) as client:
        async with connect(f"{fragile_hub.ws_url}/ws/notifications/") as reader:
            call(client, "notify", to="everyone", message="before")
            await reader.receive_type("notification")
            with stopped(redis_pid):
                for number in range(3):
                    call(client, "notify", to="everyone", message=f"while it is away {number}")
                    assert (await reader.receive_type("notification"))["message"] == f"while it is away {number}"
                for method, request in (
                    ("publish", {"channel": "everyone", "data": {"type": "test.happened"}}),
                    ("history", {"channel": "everyone", "limit": 10}),
                    ("disconnect", {"user": id_of_nobody()}),
                    ("channels", {}),
                    ("info", {}),
                ):
                    started = time.monotonic()
                    assert call(client, method, **request) is not None
                    assert time.monotonic() - started < 4 * crowding(), method
            call(client, "notify", to="everyone", message="after")
            assert (await reader.receive_type("notification"))["message"] == "after"
    assert tracebacks(fragile_hub) == before
