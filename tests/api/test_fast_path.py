"""The way past Django's middleware answers as Django does, and leaves to Django what Django would not let through."""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from pytest_django.fixtures import Settings

from hub.api.answering import ApiReply, answer
from hub.asgi import application
from hub.limits.connections import BODY_LIMIT
from tests.api.calling import Api

pytestmark = pytest.mark.any_database


@pytest.fixture
async def client(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A program that talks to the whole ASGI application."""
    transport = httpx.ASGITransport(app=cast(Any, application))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers={"X-API-Key": api.key}
    ) as made:
        yield made


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods that the fast path answered by itself."""
    names: list[str] = []

    async def noted(name: str, *request: Any) -> ApiReply:
        names.append(name)
        return await answer(name, *request)

    monkeypatch.setattr("hub.api.fast_path.answer", noted)
    return names


@pytest.mark.parametrize("method", ["publish", "history", "batch", "notify"])
@pytest.mark.parametrize("body", [b"", b"[", b'{"channel": "kept:1"}', b'{"channel": "nothing:1"}'])
@pytest.mark.parametrize("key", ["valid", "wrong"])
async def test_answers_are_those_of_django(
    api: Api, client: httpx.AsyncClient, answered: list[str], method: str, body: bytes, key: str
) -> None:
    headers = {"X-API-Key": api.key if key == "valid" else "hubkey_wrong"}
    by_itself = await client.post(f"/api/{method}", content=body, headers=headers)
    assert answered == [method]
    assert (by_itself.status_code, by_itself.json()) == await api.raw(method, body, **headers)
    assert by_itself.headers["content-type"] == "application/json"
    assert by_itself.headers["cache-control"] == "no-store"


async def test_call_is_carried_out_without_django(client: httpx.AsyncClient, answered: list[str]) -> None:
    reply = await client.post("/api/publish", json={"channel": "kept:1", "data": 1})
    assert (reply.json()["result"]["offset"], answered) == (1, ["publish"])


async def test_host_that_is_not_the_hubs_is_refused(client: httpx.AsyncClient, answered: list[str]) -> None:
    reply = await client.post("/api/publish", json={"channel": "kept:1", "data": 1}, headers={"Host": "evil.example"})
    assert (reply.status_code, answered) == (400, [])


@pytest.mark.parametrize(("sent", "by"), [("http", []), ("https", ["info"])])
async def test_call_without_https_is_left_to_django_where_https_is_wanted(
    client: httpx.AsyncClient, answered: list[str], settings: Settings, sent: str, by: list[str]
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    await client.post("/api/info", headers={"X-Forwarded-Proto": sent})
    assert answered == by


@pytest.mark.parametrize("path", ["/api/docs", "/api/openapi.json"])
async def test_documents_come_from_django(client: httpx.AsyncClient, answered: list[str], path: str) -> None:
    assert ((await client.get(path)).status_code, answered) == (200, [])


async def test_body_that_ends_early_carries_out_nothing(api: Api, answered: list[str]) -> None:
    events: list[dict[str, Any]] = [
        {"type": "http.request", "body": b'{"channel": "kept:1", "data": 1}', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(event: Any) -> None:
        sent.append(event)

    headers = [(b"host", b"localhost"), (b"x-api-key", api.key.encode())]
    scope = {"type": "http", "method": "POST", "path": "/api/publish", "headers": headers, "scheme": "http"}
    await application(scope, receive, send)
    assert (sent, answered) == ([], [])


@pytest.mark.parametrize(("size", "status"), [(BODY_LIMIT, 200), (BODY_LIMIT + 1, 413)])
@pytest.mark.parametrize("announced", [True, False])
async def test_body_is_bounded(client: httpx.AsyncClient, size: int, status: int, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        body = b"{}".rjust(size)
        for start in range(0, size, 65536):
            yield body[start : start + 65536]

    content = b"{}".rjust(size) if announced else pieces()
    assert (await client.post("/api/info", content=content)).status_code == status


async def test_body_of_a_page_is_bounded_too(client: httpx.AsyncClient) -> None:
    assert (await client.post("/accounts/login/", content=b"x" * (BODY_LIMIT + 1))).status_code == 413
