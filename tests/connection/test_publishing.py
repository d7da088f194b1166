"""Publishing by clients: what is taken, and how much of one person."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import DataError
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from hub.channels import Namespace, anyone
from hub.endpoints.centrifuge import stored
from hub.models import Publication
from tests.connection.wire import Wire, wired
from tests.support.namespaces import declare
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def few(settings: Settings) -> AsyncIterator[None]:
    settings.HUB_LIMIT_PUBLICATIONS = "3/minute; 100/day"
    stored.published.forget()
    yield
    stored.published.forget()


def refused() -> float:
    return REGISTRY.get_sample_value("hub_refused_total", {"limit": "publications"}) or 0.0


async def published(wire: Wire, channel: str, tries: int = 5, data: Any = "x") -> int:
    """How many of so many publications are taken."""
    answers = [await wire.ask(publish={"channel": channel, "data": data}) for _ in range(tries)]
    return sum("error" not in answer for answer in answers)


async def test_user_publishes_as_much_as_the_limit_says_on_all_sockets(
    ada: User, bob: User, open_namespace: str
) -> None:
    before = refused()
    async with wired(ada) as one, wired(ada) as two, wired(bob) as other:
        assert await published(one, f"{open_namespace}:1", 2) == 2
        assert await published(two, f"{open_namespace}:2") == 1
        error = (await one.ask(publish={"channel": f"{open_namespace}:3", "data": 1}))["error"]
        assert await published(other, f"{open_namespace}:1", 3) == 3
    assert error["code"] == 429
    assert error["message"].startswith("You have published very often. Try again in ")
    assert 0 < error["retry_after"] <= 60
    assert refused() == before + 5
    assert await Publication.objects.acount() == 6


async def test_guests_of_one_address_publish_as_much_as_one_user(open_namespace: str) -> None:
    channel = f"{open_namespace}:1"
    async with (
        wired(address="192.0.2.1") as one,
        wired(address="192.0.2.1") as two,
        wired(address="192.0.2.2") as elsewhere,
    ):
        assert await published(one, channel, 2) + await published(two, channel) == 3
        assert await published(elsewhere, channel) == 3


async def test_publication_that_fails_counts_for_nothing(
    ada: User, open_namespace: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    async def refuse(*args: Any, **kwargs: Any) -> None:
        raise DataError("too big")

    settings.HUB_MAX_PUBLICATION = 1000
    channel = f"{open_namespace}:1"
    async with wired(ada) as wire:
        assert await published(wire, channel, data="x" * 2000) == 0
        with monkeypatch.context() as patch:
            patch.setattr(stored, "apublish", refuse)
            assert await published(wire, channel) == 0
        assert await published(wire, channel) == 3


async def test_what_is_live_only_or_not_allowed_counts_for_nothing(
    ada: User, open_namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Namespace("live", durable=False, can_publish=anyone)
    declare(monkeypatch, live)
    async with wired(ada) as wire:
        assert await published(wire, "live:1", 10) == 10
        assert await published(wire, "online") == 0
        assert await published(wire, f"{open_namespace}:1") == 3


async def test_no_limit_is_none(ada: User, open_namespace: str, settings: Settings) -> None:
    settings.HUB_LIMIT_PUBLICATIONS = "off"
    async with wired(ada) as wire:
        assert await published(wire, f"{open_namespace}:1", 20) == 20


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"message": ""}, 107),
        ({"message": 1}, 107),
        ({"message": "a\x00b"}, 107),
        ("text", 107),
        ([], 107),
        ({"message": "x" * 5000}, 107),
    ],
)
async def test_a_room_takes_messages_only(ada: User, room: str, data: Any, code: int) -> None:
    async with wired(ada) as wire:
        assert (await wire.ask(publish={"channel": room, "data": data}))["error"]["code"] == code
        assert not await Publication.objects.filter(channel=room).aexists()


async def test_the_right_to_publish_is_looked_at_for_each_publication(
    ada: User, open_namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = [True, False]
    namespace = Namespace("strict", durable=False, can_publish=lambda user, **_: allowed.pop(0))
    declare(monkeypatch, namespace)
    async with wired(ada) as wire:
        assert (await wire.ask(publish={"channel": "strict:1", "data": 1})) == {"id": 2, "publish": {}}
        assert (await wire.ask(3, publish={"channel": "strict:1", "data": 1}))["error"]["code"] == 103


async def test_a_rule_that_fails_refuses(
    ada: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(user: User, **_: str) -> bool:
        raise ZeroDivisionError

    declare(monkeypatch, Namespace("broken", can_subscribe=broken))
    async with wired(ada) as wire:
        answer = await wire.ask(subscribe={"channel": "broken:1"})
        assert answer["error"] == {"code": 100, "message": "internal server error", "temporary": True}
        assert not wire.client.receives("broken:1")
    assert "command_failed" in caplog.text


async def test_too_much_data_is_refused(ada: User, open_namespace: str, settings: Any) -> None:
    settings.HUB_MAX_PUBLICATION = 100
    async with wired(ada) as wire:
        assert (await wire.ask(publish={"channel": "open:1", "data": "x" * 101}))["error"]["code"] == 107


async def test_data_on_several_lines_goes_out_on_one(ada: User, open_namespace: str) -> None:
    async with wired(ada) as wire:
        await wire.ask(subscribe={"channel": "open:1"})
        frame = json.dumps({"id": 3, "publish": {"channel": "open:1", "data": "HERE"}})
        await wire.client.receive(frame.replace('"HERE"', '{"a":\t[1, 2]}'))
        assert (await wire.pushed("pub"))["pub"]["data"] == {"a": [1, 2]}
