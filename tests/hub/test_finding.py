"""Finding the publication that says something, without reading all that its channel keeps."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub import streams
from hub.models import Publication, SharedData
from hub.streams import finding, history

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "FEW", 10)


def at(minute: int) -> datetime:
    return NOW + timedelta(minutes=minute)


@pytest.fixture
def busy() -> None:
    """One publication a minute, each third of which is missing, and the same in another channel."""
    Publication.objects.bulk_create(
        Publication(channel=channel, offset=minute, data=f'{{"id":{minute},"x":1}}', sequenced_at=at(minute))
        for channel in ("everyone", "user:7")
        for minute in range(50, 2000)
        if minute % 3
    )


@pytest.mark.whole_table
@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("minute", [50, 52, 1000, 1999])
@pytest.mark.parametrize("clocks", [-4, 0, 4])
def test_publication_is_found_by_its_time_also_where_clocks_differ(minute: int, clocks: int) -> None:
    found = streams.published("everyone", f'{{"id":{minute},', at(minute + clocks))
    assert found == (minute, at(minute))


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("minute", [-5000, 20, 51, 999, 2100, 90_000])
def test_what_is_not_kept_is_not_found(minute: int) -> None:
    assert streams.published("everyone", f'{{"id":{minute},', at(minute)) is None
    assert streams.published("room:1", '{"id":50,', at(50)) is None


@pytest.mark.usefixtures("busy")
def test_rows_are_found_by_the_index_of_offsets() -> None:
    with CaptureQueriesContext(connection) as queries:
        streams.published("everyone", '{"id":1000,', at(1000))
    # The last one is that which looks at texts, of a part of the channel.
    plan = plans_by_index(queries.captured_queries)[-1]
    is_bounded = "offset>? AND offset<?" in plan if connection.vendor == "sqlite" else '("offset" >=' in plan
    assert is_bounded, plan


def plans_by_index(queries: Sequence[dict[str, str]]) -> list[str]:
    """How the database answers each of these queries, few enough: by the index of offsets alone."""
    assert len(queries) < 6
    plans = []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE hub_publication")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        for query in queries:
            prefix = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
            cursor.execute(prefix + query["sql"].replace("%", "%%"))
            plan = " ".join(str(value) for row in cursor.fetchall() for value in row)
            if connection.vendor == "sqlite":
                assert "SEARCH hub_publication USING INDEX" in plan, plan
                assert "SCAN hub_publication" not in plan and "TEMP B-TREE" not in plan, plan
            else:
                assert "Index Scan" in plan and "hub_publication_offset" in plan and "Sort" not in plan, plan
            plans.append(plan)
    return plans


def test_a_channel_that_keeps_few_is_looked_through() -> None:
    Publication.objects.create(channel="user:7", offset=3, data='{"id":1,', sequenced_at=at(90_000))
    assert streams.published("user:7", '{"id":1,', at(0)) == (3, at(90_000))


def replaced(minute: int, since: int) -> list[int | None]:
    """The offsets that have another text after the publication of this minute was replaced."""
    history.replace("everyone", [f'{{"id":{minute},'], "gone", since=at(since))
    return list(Publication.objects.filter(data="gone").order_by("pk").values_list("offset", flat=True))


@pytest.mark.whole_table
@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("minute", [52, 1999])
@pytest.mark.parametrize("clocks", [0, 50, 5000])
def test_publication_is_replaced_whatever_the_clock_of_its_publisher_was(minute: int, clocks: int) -> None:
    assert replaced(minute, minute + clocks) == [minute]


@pytest.mark.usefixtures("busy")
def test_what_is_replaced_is_found_by_the_index_of_offsets() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert history.replace("everyone", ['{"id":1900,'], "gone", since=at(1900)) == 1
    search, change = (one["sql"] for one in queries.captured_queries)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {change}".replace("%", "%%"))
        else:
            cursor.execute("ANALYZE hub_publication")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {change}".replace("%", "%%"))
        plan = " ".join(str(value) for row in cursor.fetchall() for value in row)
    assert ("offset>?" if connection.vendor == "sqlite" else '("offset" >=') in plan, plan
    assert "SCAN hub_publication" not in plan, plan
    plans_by_index([{"sql": search}])


@pytest.mark.usefixtures("busy")
def test_publications_without_an_offset_and_with_shared_data_are_replaced_too() -> None:
    shared = SharedData.objects.create(data='{"id":2000,"x":1}')
    own = Publication(channel="everyone", data='{"id":2000,"x":1}')
    Publication.objects.bulk_create(
        [own, Publication(channel="everyone", offset=2000, sequenced_at=at(2000), shared=shared)]
    )
    assert replaced(2000, 2000) == [None, 2000]
    assert not Publication.objects.filter(shared=shared).exists()
    assert SharedData.objects.get().data == '{"id":2000,"x":1}'
