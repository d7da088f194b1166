"""The ordinary Channels consumer of the how-to receives what the hub publishes."""

import sys
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import pytest
from channels.layers import BaseChannelLayer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser
from pytest_django.fixtures import Settings

import hub
from hub.bus.envelope import TYPE
from hub.channels import group_name
from hub.fanout import relay
from lab.harness.waiting import await_for
from notifications import anotify
from notifications.channels import of_user
from tests.docs.documents import block, table
from tests.support.people import User
from tests.support.sockets import Endpoint

HOW_TO = "docs/howto/join-from-your-own-consumer.md"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


@pytest.fixture
async def running(layer: BaseChannelLayer, settings: Settings) -> AsyncIterator[None]:
    """A web process on each kind of layer: announcements leave through the relay's loop."""
    settings.HUB_REDIS_TIMEOUT = 10  # one that comes too late is dropped
    await relay.current.close()
    relay.current()
    yield
    await relay.current.close()


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = ModuleType("shop_consumers")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(block(HOW_TO, "shop/consumers.py"), module.__dict__)  # noqa: S102  # the reader runs it too
    return module.OrderBoard


def opened_by(consumer: Any, user: User | AnonymousUser) -> Endpoint:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await consumer.as_asgi()({**scope, "user": user}, receive, send)

    return Endpoint(application, "/ws/orders/", {})


@pytest.mark.usefixtures("running")
async def test_an_ordinary_consumer_receives_the_alerts_of_its_user(consumer: Any) -> None:
    ada, bob = [await User.objects.acreate_user(name) for name in ("ada", "bob")]
    endpoint = opened_by(consumer, ada)
    assert await endpoint.connect() is None

    async def received() -> bool:
        # It joins after it has accepted, which the client cannot see: what is sent before is not for it.
        await anotify(to=bob, message="Not hers")
        await anotify(to=ada, message="Order 1042 is placed")
        return not await endpoint.application.receive_nothing(0.1)

    await await_for(received, that="an alert arrives")
    sent = await endpoint.application.receive_output()
    assert sent["text"] == "Order 1042 is placed"
    await endpoint.disconnect()


@pytest.mark.usefixtures("layer")
async def test_the_consumer_sends_guests_away(consumer: Any) -> None:
    endpoint = opened_by(consumer, AnonymousUser())
    assert await endpoint.connect() is None
    assert await endpoint.close_code() == 4403


@pytest.mark.parametrize(("origin", "code"), [(b"http://localhost", 4403), (b"http://evil.example", None)])
async def test_the_router_of_the_page_leads_to_the_consumer_and_refuses_other_sites(
    consumer: Any, monkeypatch: pytest.MonkeyPatch, origin: bytes, code: int | None
) -> None:
    shop = ModuleType("shop.consumers")
    shop.OrderBoard = consumer  # type: ignore[attr-defined]  # a module of the project
    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
    monkeypatch.setitem(sys.modules, shop.__name__, shop)
    monkeypatch.setattr(hub, "mount", lambda _, websocket: websocket)
    scope: dict[str, Any] = {}
    exec(block(HOW_TO, "asgi.py"), scope)  # noqa: S102  # the reader runs it too
    client = WebsocketCommunicator(scope["application"], "/ws/orders/", headers=[(b"origin", origin)])
    accepted, closed_with = await client.connect(timeout=20)
    assert accepted is (code is not None)
    assert (await client.receive_output(timeout=20))["code"] == code if accepted else closed_with
    await client.wait(timeout=20)


@pytest.mark.usefixtures("running")
async def test_the_event_has_the_documented_keys(layer: Any) -> None:
    ada = await User.objects.acreate_user("ada")
    channel = await layer.new_channel("test")
    await layer.group_add(group_name(of_user(ada)), channel)
    await anotify(to=ada, message="Hello")
    event = await layer.receive(channel)
    keys = {key for cells in table(HOW_TO, "key", "meaning") for key in cells[0].replace("`", "").split(", ")}
    assert set(event) == keys
    assert event["type"] == TYPE


def test_every_type_of_publication_is_documented() -> None:
    import chat.events
    import notifications.events
    import presence.events

    tags = {
        value.__struct_config__.tag
        for module in (chat.events, notifications.events, presence.events)
        for value in vars(module).values()
        if hasattr(value, "__struct_config__") and value.__module__ == module.__name__
    } - {None}  # of structs that are parts of others
    rows = table(HOW_TO, "`type` in `data`", "channel")
    assert {kind for cells in rows for kind in cells[0].replace("`", "").split(", ")} == tags
