"""Nobody reads more than a namespace keeps, or what is older, before anything is pruned: on every way to read."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

import hub.urls  # noqa: F401  # registers the methods of the HTTP API
from hub import streams
from hub.channels import Namespace, anyone
from hub.models import Publication
from hub.publishing import publish_many
from hub.streams import Position, history
from hub.streams.history import NotKept
from tests.api.calling import Api, key_for
from tests.connection.wire import wired
from tests.hub.serving import serving
from tests.support.namespaces import declare
from tests.support.sockets import open_endpoint

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86_400.0

#: What a namespace keeps, and which of ten publications, of which the first seven are an hour old, that leaves.
LIMITS = [
    ({"keep_items": 4, "keep_days": 0}, [7, 8, 9, 10]),
    ({"keep_items": 0, "keep_days": 60 / DAY}, [8, 9, 10]),
    ({"keep_items": 2, "keep_days": 60 / DAY}, [9, 10]),
    ({"keep_items": 9, "keep_days": 60 / DAY}, [8, 9, 10]),
    ({"keep_items": 1, "keep_days": 0}, [10]),
    ({"keep_items": 0, "keep_days": 0}, list(range(1, 11))),
]


@pytest.fixture(params=LIMITS, ids=str)
def left(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The offsets of ``limited:1`` that may be read."""
    limits, offsets = request.param
    namespace = Namespace("limited", can_subscribe=anyone, **limits)
    declare(monkeypatch, namespace)
    fill("limited:1")
    return list(offsets)


def fill(channel: str) -> None:
    publish_many((channel, {"type": "x", "n": number}) for number in range(1, 11))
    Publication.objects.filter(channel=channel, offset__lte=7).update(created_at=Now() - timedelta(hours=1))


def offsets(publications: list[dict[str, Any]]) -> list[int]:
    return [publication["offset"] for publication in publications]


def page(**options: Any) -> list[int]:
    return [envelope.offset for envelope in history.page("limited:1", limit=-1, **options).envelopes]


@pytest.mark.whole_table
def test_a_page_from_either_end_and_from_a_position(left: list[int]) -> None:
    assert page() == left
    assert page(reverse=True) == left[::-1]
    assert [envelope.offset for envelope in history.page("limited:1", limit=2).envelopes] == left[:2]
    for offset in range(1, 11):
        assert page(since=Position("", offset), reverse=True) == [one for one in left[::-1] if one < offset]
        if offset + 1 in left or offset == 10:
            assert page(since=Position("", offset)) == [one for one in left if one > offset]
        else:
            with pytest.raises(NotKept):
                page(since=Position("", offset))


async def test_the_http_api(left: list[int]) -> None:
    api = Api(await sync_to_async(key_for)())
    assert offsets((await api.result("history", channel="limited:1", limit=100))["publications"]) == left
    if left[0] > 1:
        assert await api.error("history", channel="limited:1", limit=100, since={"offset": 0, "epoch": ""}) == 112


async def test_the_client_connection_its_history_and_its_recovery(left: list[int]) -> None:
    async with wired() as wire:
        await wire.ask(2, subscribe={"channel": "limited:1"})
        answer = await wire.ask(3, history={"channel": "limited:1", "limit": 100})
        assert offsets(answer["history"]["publications"]) == left
    for offset in (left[0] - 2, left[0] - 1, left[0]):
        if offset >= 0:
            async with wired() as wire:
                wanted = {"channel": "limited:1", "recover": True, "offset": offset, "epoch": ""}
                result = (await wire.ask(2, subscribe=wanted))["subscribe"]
                assert result.get("recovered", False) is (offset >= left[0] - 1)
                assert offsets(result.get("publications", [])) == (
                    [one for one in left if one > offset] if offset >= left[0] - 1 else []
                )


async def test_events(left: list[int]) -> None:
    epoch = (await sync_to_async(streams.positions)(["limited:1"]))["limited:1"].epoch
    async with serving() as address, httpx.AsyncClient(timeout=20) as http:
        for offset in (left[0] - 2, left[0] - 1):
            if offset < 0:
                continue
            headers = {"Last-Event-ID": f"limited:1@{epoch}.{offset}"}
            url = f"http://{address}/events?channel=limited:1"
            async with http.stream("GET", url, headers=headers) as response:
                lines = response.aiter_lines()
                opened = [line async for line in _upto(lines, "data:")][-1]
                assert opened == f'data: {{"recovered":{str(offset == left[0] - 1).lower()}}}'
                if offset == left[0] - 1:
                    following = [line async for line in _upto(lines, "data:")][-1]
                    assert f'"offset":{left[0]}' in following


async def _upto(lines: AsyncIterator[str], begins: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith(begins):
            return


@pytest.mark.parametrize(("limits", "first"), [({"items": 4}, 7), ({"items": 0, "days": 60 / DAY}, 8)])
async def test_the_simple_endpoints(settings: Settings, limits: dict[str, float], first: int) -> None:
    settings.HUB_RETENTION = {"everyone": limits}
    await sync_to_async(fill)("everyone")
    for since, whole in ((first - 2, False), (first - 1, True)):
        async with open_endpoint(f"/ws/notifications/?since={since}") as endpoint:
            resumed = await endpoint.receive_json()
            assert (resumed["type"], resumed["recovered"]) == ("resumed", whole)


@pytest.mark.whole_table
def test_a_page_takes_two_more_looks_into_the_index_at_most(left: list[int]) -> None:
    with CaptureQueriesContext(connection) as captured:
        page()
    assert len(captured) <= 3
