"""The hub works in a project whose requests are transactions (``ATOMIC_REQUESTS``)."""

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import connections
from django.test import AsyncClient, Client
from django.urls import URLPattern, URLResolver, get_resolver

from chat.models import Room
from hub.models import Publication
from tests.api.calling import key_for
from tests.support.people import User


def views(patterns: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, path + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield path + str(pattern.pattern), pattern.callback


def test_no_async_view_is_to_be_a_transaction() -> None:
    found = {path: view for path, view in views(get_resolver().url_patterns) if iscoroutinefunction(view)}
    assert {"health/live", "health/ready", "api/", "api/<path:name>"} <= found.keys()
    bad = [path for path, view in found.items() if "default" not in getattr(view, "_non_atomic_requests", ())]
    assert not bad


@pytest.fixture
def atomic_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", value=True)


@pytest.mark.slow
@pytest.mark.usefixtures("atomic_requests")
@pytest.mark.django_db(transaction=True)
async def test_health_and_the_api_answer(async_client: AsyncClient) -> None:
    assert (await async_client.get("/health/live")).status_code == 200
    assert (await async_client.get("/health/ready")).status_code in {200, 503}
    assert (await async_client.post("/api/nothing", b"{}", content_type="application/json")).status_code == 401
    body = b'{"channel":"everyone","data":{"type":"x"}}'
    key = await sync_to_async(key_for)()
    response = await async_client.post(
        "/api/publish", body, content_type="application/json", headers={"X-API-Key": key}
    )
    assert response.status_code == 200 and b'"offset":1' in response.content


@pytest.mark.slow
@pytest.mark.usefixtures("atomic_requests")
@pytest.mark.django_db(transaction=True)
def test_pages_answer_and_what_a_failed_request_did_is_taken_back(client: Client) -> None:
    client.force_login(User.objects.create_user("ann", is_staff=True, is_superuser=True))
    for page in ("/", "/notifications/", "/topics/", "/chat/", "/online/", "/admin/", "/notifications/items/"):
        assert client.get(page).status_code == 200, page
    assert client.post("/chat/", {"name": "kitchen"}).status_code == 302
    assert client.post("/chat/", {"name": "kitchen"}).status_code == 422
    assert Room.objects.get().name == "kitchen"
    assert not Publication.objects.filter(offset=None).exists()
