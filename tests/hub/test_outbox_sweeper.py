"""Promise 4: what a crash left between its commit and its numbering goes out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from channels.layers import BaseChannelLayer
from django.db import connection
from django.db.models.functions import Now
from pytest_django.fixtures import DjangoAssertNumQueries

from hub import streams
from hub.database.threads import in_database_thread
from hub.fanout import relay
from hub.logs.rare_log import RareLog
from hub.models import Publication, Stream
from hub.publishing import sweeper, verbs
from tests.hub.listeners import Listener, follow

pytestmark = pytest.mark.django_db(transaction=True)


def left_behind(*channels: str, seconds: float = 5.0) -> None:
    """Publications as a process leaves them that is killed between commit and numbering, ``seconds`` ago."""
    rows = streams.append([(channel, f'"{number}"') for number, channel in enumerate(channels)])
    Publication.objects.filter(pk__in=[row.pk for row in rows]).update(created_at=Now() - timedelta(seconds=seconds))


def test_what_was_left_without_an_offset_is_numbered_in_the_order_of_its_storing() -> None:
    left_behind("room:1", "user:7", "room:1")
    assert sweeper.sweep() == 3
    assert list(Publication.objects.order_by("id").values_list("channel", "offset")) == [
        ("room:1", 1),
        ("user:7", 1),
        ("room:1", 2),
    ]
    assert sweeper.sweep() == 0


def test_what_its_publisher_is_about_to_number_is_left_to_it() -> None:
    left_behind("room:1", seconds=0)
    assert sweeper.sweep() == 0
    assert Publication.objects.get().offset is None


@pytest.mark.parametrize("hours", [1, 25, -25])
def test_a_wrong_clock_of_the_publisher_hides_nothing(hours: int) -> None:
    left_behind("room:1", seconds=hours * 3600)
    assert sweeper.sweep() == 1


def test_a_stream_that_is_behind_its_publications_holds_up_no_other_and_a_new_epoch_mends_it() -> None:
    left_behind("user:7", "user:7")
    assert sweeper.sweep() == 2
    Stream.objects.filter(channel="user:7").update(head=0)
    left_behind("user:7", "room:1")
    assert sweeper.sweep() == 1
    assert Publication.objects.get(channel="room:1").offset == 1
    streams.renew(["user:7"])
    assert sweeper.sweep() == 1
    assert list(Publication.objects.filter(channel="user:7").order_by("id").values_list("offset", flat=True)) == [
        1,
        2,
        3,
    ]


def test_more_inconsistent_streams_than_are_looked_at_together_hide_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BATCH", 2)
    broken = [f"room:{number}" for number in range(5)]
    left_behind(*broken)
    sweeper.sweep()
    Stream.objects.filter(channel__in=broken).update(head=0)
    left_behind(*broken, "user:7")
    assert sweeper.sweep() == 1
    assert Publication.objects.get(channel="user:7").offset == 1


async def test_web_process_goes_on_behind_those_that_it_has_looked_at(
    layer: BaseChannelLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BATCH", 2)
    broken = [f"room:{number}" for number in range(5)]

    def leave_behind() -> None:
        left_behind(*broken)
        sweeper.sweep()
        Stream.objects.filter(channel__in=broken).update(head=0)
        left_behind(*broken, "user:7")

    listener = Listener()
    await in_database_thread(leave_behind)
    await follow("user:7", listener)
    try:
        await listener.got('"5"')
    finally:
        await relay.current.close()


def test_nothing_to_sweep_costs_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        assert sweeper.sweep() == 0


def test_sweeps_at_the_same_time_number_each_row_once() -> None:
    left_behind(*[f"room:{number % 5}" for number in range(50)])

    def sweep(_: int) -> int:
        try:
            return sweeper.sweep()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(sweep, range(8))) == 50
    for number in range(5):
        rows = Publication.objects.filter(channel=f"room:{number}").order_by("id")
        assert list(rows.values_list("offset", flat=True)) == list(range(1, 11))


async def test_what_is_swept_reaches_those_who_are_connected(layer: BaseChannelLayer) -> None:
    listener = Listener()
    await follow("room:1", listener)
    try:
        await in_database_thread(left_behind, "room:1")
        await in_database_thread(sweeper.sweep)
        await listener.got('"0"')
    finally:
        await relay.current.close()


async def test_what_is_swept_while_the_broker_is_unavailable_comes_by_catch_up(
    layer: BaseChannelLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*args: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr("hub.bus.announcer.group_send_many", away)
    listener = Listener()
    await follow("room:1", listener)
    try:
        await in_database_thread(left_behind, "room:1")
        await in_database_thread(sweeper.sweep)
        await listener.got('"0"')
    finally:
        await relay.current.close()


def test_streams_that_stay_inconsistent_are_logged_once_each(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(verbs, "_rare_log", RareLog(verbs.log, seconds=300))
    left_behind("user:7", "user:8")
    sweeper.sweep()
    Stream.objects.filter(channel__in=["user:7", "user:8"]).update(head=0)
    left_behind("user:7", "user:8")
    caplog.clear()
    for _ in range(3):
        assert sweeper.sweep() == 0
    said = [one for one in caplog.records if "stream_inconsistent" in one.getMessage()]
    assert [one.levelname for one in said] == ["ERROR", "ERROR"]
