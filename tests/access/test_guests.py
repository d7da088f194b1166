"""A hub without guests (``HUB_GUESTS``): nobody is an anonymous member, whatever they speak."""

import json
from typing import Any, cast

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from pytest_django import Settings

from chat.models import Room
from hub.access.reasons import End, comes_back
from hub.access.signed_tokens import connection_token
from hub.asgi import application
from hub.users import user_id
from tests.connection.wire import CONNECT, Wire
from tests.support.people import User
from tests.support.sockets import Endpoint, open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = ["/", "/notifications/", "/topics/", "/chat/", "/chat/lobby/", "/online/"]
LISTS = ["/notifications/items/", "/chat/lobby/messages/"]
ENDPOINTS = ["/ws/notifications/", "/ws/online/", "/ws/chat/lobby/"]


@pytest.fixture(autouse=True)
def no_guests(settings: Settings) -> None:
    settings.HUB_GUESTS = False
    settings.HUB_TOKEN_SECRET = ["a secret that is long enough for HS256, and then some"]


@pytest.fixture(autouse=True)
def lobby() -> Room:
    return Room.objects.create(name="lobby")


def test_clients_do_not_come_back_by_themselves() -> None:
    assert not comes_back(End.NO_GUESTS.client) and not comes_back(End.NO_GUESTS.simple, is_simple=True)


@pytest.mark.parametrize("path", PAGES)
def test_visitor_is_sent_to_the_log_in_page(path: str, client: Client) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")
    client.force_login(User.objects.create_user("ada"))
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/accounts/login/", "/health/live"])
def test_what_leads_in_is_open(path: str, client: Client) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", LISTS)
def test_lists_over_http_are_refused_with_a_reason(path: str, client: Client) -> None:
    guest_token = connection_token(None)
    for headers in ({}, {"Authorization": f"Bearer {guest_token}"}):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"error": {"code": 401, "message": "Log in first"}})
    token = connection_token(user_id(User.objects.create_user("ada")))
    assert client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("with_token", [False, True])
async def test_simple_endpoint_closes_with_4402(path: str, with_token: bool) -> None:
    query = f"?token={connection_token(None)}" if with_token else ""
    guest = Endpoint(application, f"{path}{query}", {"host": "localhost"})
    assert await guest.connect() is None  # a close before the handshake would say nothing
    assert await guest.close_code() == 4402
    cookie = await sync_to_async(session_cookie)(await User.objects.acreate_user("ada"))
    async with open_endpoint(path, session=cookie) as ada:
        await ada.send_json({"message": ""})
        while (await ada.receive_json())["type"] != "error":
            pass  # she is in


@pytest.mark.parametrize("with_token", [False, True])
async def test_client_connection_ends_with_3507(with_token: bool) -> None:
    wire = Wire()
    connect = {"id": 1, "connect": {"token": connection_token(None)}}
    await wire.client.receive(json.dumps(connect) if with_token else CONNECT)
    assert (wire.closed, wire.lines) == (3507, [])
    await wire.disconnected()


async def test_client_with_a_token_connects() -> None:
    ada = await User.objects.acreate_user("ada")
    wire = Wire()
    await wire.client.receive(json.dumps({"id": 1, "connect": {"token": connection_token(user_id(ada))}}))
    assert wire.closed is None and "connect" in wire.lines[0]
    await wire.disconnected()


async def test_event_stream_is_answered_with_401() -> None:
    transport = httpx.ASGITransport(app=cast(Any, application))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/events?channel=everyone")
    assert (answer.status_code, answer.text.strip()) == (401, "Log in first")
