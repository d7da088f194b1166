"""``POST /api`` with the method in the body, as older libraries of the protocol call."""

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest

from hub.api import calling
from hub.asgi import application
from tests.api.calling import Api

pytestmark = pytest.mark.any_database

PUBLISH = {"method": "publish", "params": {"channel": "kept:1", "data": 1}}


@pytest.fixture(params=["past Django", "through Django"])
async def client(
    api: Api, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    if request.param == "through Django":
        monkeypatch.setattr("hub.api.fast_path.is_let_through", lambda scope: False)
    transport = httpx.ASGITransport(app=cast(Any, application))
    headers = {"Authorization": f"apikey {api.key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as made:
        yield made


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200
    return [json.loads(line) for line in response.content.splitlines()]


@pytest.mark.parametrize("path", ["/api", "/api/"])
async def test_method_in_the_body_is_carried_out(client: httpx.AsyncClient, path: str) -> None:
    (reply,) = lines(await client.post(path, json=PUBLISH))
    assert reply["result"]["offset"] == 1


async def test_each_line_is_a_command_with_a_line_as_its_answer(client: httpx.AsyncClient) -> None:
    body = "\n".join(map(json.dumps, (PUBLISH, {"method": "nothing"}, PUBLISH, {"method": "channels"})))
    first, second, third, fourth = lines(await client.post("/api", content=body))
    assert (first["result"]["offset"], second["error"]["code"], third["result"]["offset"]) == (1, 104, 2)
    assert fourth == {"result": {"channels": {}}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 104),
        (b"{}", 104),
        (b'{"channel": "kept:1", "data": 1}', 104),
        (b'{"method": "batch", "params": {}}', 104),
        (b'{"method": "publish"}', 107),
        (b'{"method": 7}', 107),
        (b"[]", 107),
        (b"[" * 10_000, 107),
        (b"nonsense", 107),
        (b"\xff", 107),
    ],
)
async def test_body_that_names_no_method_says_what_to_send(client: httpx.AsyncClient, body: bytes, code: int) -> None:
    (reply,) = lines(await client.post("/api", content=body))
    assert reply["error"]["code"] == code
    assert code != 104 or "/api/<method>" in reply["error"]["message"]


async def test_commands_of_a_request_are_bounded(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "BATCH_LIMIT", 2)
    body = "\n".join([json.dumps(PUBLISH)] * 3)
    assert [reply["error"]["code"] for reply in lines(await client.post("/api", content=body))] == [106]


async def test_key_is_asked_for_and_its_scope_holds(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api", json=PUBLISH, headers={"Authorization": "apikey no"})).status_code == 401


@pytest.mark.parametrize("path", ["/api", "/api/"])
async def test_nothing_but_post_is_taken(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 405


async def test_urls_that_begin_alike_are_others(client: httpx.AsyncClient) -> None:
    assert (await client.post("/apiary", json=PUBLISH)).status_code == 404
