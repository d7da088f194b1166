"""What is kept, what goes, and what a client that comes back is told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from channels.layers import BaseChannelLayer
from django.core import checks
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from hub import streams
from hub.config import UnusableEnvironment, read_environment
from hub.database.threads import in_database_thread
from hub.fanout import recovery, relay
from hub.models import Publication, Stream
from hub.publishing import apublish, publish, publish_many
from hub.streams import Position, retention
from tests.hub.listeners import Listener, as_data

pytestmark = pytest.mark.django_db(transaction=True)


def fill(channel: str, count: int) -> None:
    publish_many((channel, {"type": "test.happened", "n": number}) for number in range(1, count + 1))


def age(channel: str, upto: int, days: float) -> None:
    Publication.objects.filter(channel=channel, offset__lte=upto).update(created_at=Now() - timedelta(days=days))


def kept(channel: str) -> list[int | None]:
    return list(Publication.objects.filter(channel=channel).order_by("offset").values_list("offset", flat=True))


def test_the_newest_so_many_of_each_channel_are_kept(settings: Settings) -> None:
    settings.HUB_RETENTION = {"room": {"items": 3}}
    for channel in ("room:1", "room:2", "user:1"):
        fill(channel, 5)
    fill("room:3", 2)
    assert retention.prune() == 4
    assert [kept(channel) for channel in ("room:1", "room:2", "room:3", "user:1")] == [
        [3, 4, 5],
        [3, 4, 5],
        [1, 2],
        [1, 2, 3, 4, 5],
    ]


def test_what_is_older_than_so_many_days_goes(settings: Settings) -> None:
    settings.HUB_RETENTION = {"everyone": {"days": 7}, "room": {"days": 0}}
    for channel in ("everyone", "room:1"):
        fill(channel, 4)
        age(channel, upto=2, days=7.1)
    retention.prune()
    assert kept("everyone") == [3, 4]
    assert kept("room:1") == [1, 2, 3, 4]


def test_without_settings_a_month_is_kept() -> None:
    fill("user:1", 3)
    age("user:1", upto=1, days=31)
    age("user:2", upto=1, days=29)
    assert retention.prune() == 1
    assert kept("user:1") == [2, 3]


def test_the_oldest_part_goes_and_never_a_piece_of_the_middle(settings: Settings) -> None:
    settings.HUB_RETENTION = {"room": {"days": 7}}
    fill("room:1", 5)
    age("room:1", upto=4, days=8)
    Publication.objects.filter(channel="room:1", offset=3).update(
        created_at=Now()
    )  # a long transaction, a wrong clock
    retention.prune()
    assert kept("room:1") == [3, 4, 5]
    assert [item.offset for item in streams.read("room:1", after=2, limit=10)] == [3, 4, 5]


def test_the_head_and_the_epoch_stay_when_everything_is_gone(settings: Settings) -> None:
    settings.HUB_RETENTION = {"room": {"days": 7}}
    fill("room:1", 3)
    before = streams.positions(["room:1"])["room:1"]
    age("room:1", upto=3, days=8)
    retention.prune()
    assert kept("room:1") == []
    assert streams.positions(["room:1"])["room:1"] == before == Position(before.epoch, 3)
    publish("room:1", {"type": "test.happened"})
    assert kept("room:1") == [4]


def test_what_waits_for_its_offset_is_never_pruned(settings: Settings) -> None:
    settings.HUB_RETENTION = {"room": {"items": 1, "days": 1}}
    fill("room:1", 2)
    streams.append([("room:1", "{}")])
    Publication.objects.update(created_at=Now() - timedelta(days=9))
    retention.prune()
    assert kept("room:1") == [None]


def test_much_is_deleted_in_pieces(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HUB_RETENTION = {"room": {"items": 5}}
    monkeypatch.setattr(retention, "CHUNK", 10)
    fill("room:1", 100)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert retention.prune() == 95
    deletes = [query["sql"] for query in queries.captured_queries if query["sql"].startswith("DELETE")]
    assert len(deletes) == 10
    assert kept("room:1") == [96, 97, 98, 99, 100]


def test_more_channels_than_one_look_takes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HUB_RETENTION = {"user": {"items": 1}}
    monkeypatch.setattr(retention, "STREAMS", 3)
    channels = [f"user:{number}" for number in range(10)]
    publish_many((channel, {"type": "test.happened"}) for channel in channels * 2)
    assert retention.prune() == 10
    assert [kept(channel) for channel in channels] == [[2]] * 10


def test_it_stops_when_its_time_is_over_and_the_next_call_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_RETENTION = {"room": {"items": 1}}
    monkeypatch.setattr(retention, "CHUNK", 2)
    fill("room:1", 9)
    assert retention.prune(seconds=-1) == 2
    assert retention.prune() == 6
    assert retention.prune() == 0


@pytest.fixture
async def relaying(layer: BaseChannelLayer) -> Any:
    yield
    await relay.current.close()


async def recovered(channel: str, since: Position) -> list[int] | None:
    """What a client at ``since`` gets when it comes back now; None where it is told to reload."""
    subscription = await relay.current().subscribe(channel, Listener(), as_data)
    items = await recovery.missed(subscription, since)
    return None if items is None else [item.offset for item in items]


async def test_a_position_older_than_what_is_kept_is_told_to_reload_and_younger_ones_are_not(
    relaying: None, settings: Settings
) -> None:
    settings.HUB_RETENTION = {"room": {"items": 2}}
    for number in range(5):
        await apublish("room:1", {"type": "test.happened", "n": number})
    epoch = (await in_database_thread(streams.positions, ["room:1"]))["room:1"].epoch
    for is_pruned in (False, True):
        if is_pruned:
            await in_database_thread(retention.prune)
        told = {offset: await recovered("room:1", Position(epoch, offset)) for offset in range(6)}
        assert told == {0: None, 1: None, 2: None, 3: [4, 5], 4: [5], 5: []}
        assert await recovered("room:1", Position()) is None


@pytest.fixture
def retention_variable(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    def read(text: str) -> object:
        monkeypatch.setenv("HUB_RETENTION", text)
        return read_environment().retention

    return read


def test_the_variable_is_json(retention_variable: Callable[[str], object]) -> None:
    assert retention_variable("") == {}
    assert retention_variable('{"room": {"items": 5, "days": 0.5}, "user": {}}') == {
        "room": {"items": 5, "days": 0.5},
        "user": {},
    }


@pytest.mark.parametrize(
    "text",
    [
        "room=5",
        "[]",
        "7",
        '{"room": 5}',
        '{"room": {"itmes": 5}}',
        '{"room": {"items": "5"}}',
        '{"room": {"days": -1}}',
        '{"room": {"items": 1.5}}',
        '{"room": {"days": true}}',
        '{"room": {"days": Infinity}}',
        '{"room": {"days": 1e9}}',
        '{"room": {"days": NaN}}',
    ],
)
def test_what_is_no_retention_is_refused_in_a_sentence(retention_variable: Callable[[str], object], text: str) -> None:
    with pytest.raises(UnusableEnvironment, match="HUB_RETENTION must be JSON like"):
        retention_variable(text)


def test_the_check_finds_a_namespace_that_nobody_has(settings: Settings) -> None:
    settings.HUB_RETENTION = {"rom": {"items": 5}, "online": {"items": 5}, "room": {}}
    found = [message.msg for message in checks.run_checks() if message.id == "hub.E001"]
    assert len(found) == 2
    assert any("'rom'" in message for message in found)


def test_a_namespace_whose_name_begins_another_is_left_alone(settings: Settings) -> None:
    settings.HUB_RETENTION = {"user": {"items": 1}}
    Stream.objects.create(channel="users:1", head=2)
    Publication.objects.bulk_create(Publication(channel="users:1", offset=offset, data="{}") for offset in (1, 2))
    retention.prune()
    assert kept("users:1") == [1, 2]
