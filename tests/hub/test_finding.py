"""Finding the publication that says something, without reading all that its channel keeps."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub import streams
from hub.models import Publication
from hub.streams import finding

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
    with CaptureQueriesContext(
        connection,
    ) as queries:
        streams.published("everyone", '{"id":1000,', at(1000))
    assert len(queries) < 30
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE hub_publication")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        plan = ""
        for query in queries.captured_queries:
            prefix = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
            cursor.execute(prefix + query["sql"].replace("%", "%%"))
            plan = " ".join(str(value) for row in cursor.fetchall() for value in row)
            if connection.vendor == "sqlite":
                assert "SEARCH hub_publication USING INDEX" in plan, plan
                assert "SCAN hub_publication" not in plan and "TEMP B-TREE" not in plan, plan
            else:
                assert "Index Scan" in plan and "hub_publication_offset" in plan and "Sort" not in plan, plan
    # The last one is that which looks at texts, of a part of the channel.
    is_bounded = "offset>? AND offset<?" in plan if connection.vendor == "sqlite" else '("offset" >=' in plan
    assert is_bounded, plan


def test_a_channel_that_keeps_few_is_looked_through() -> None:
    Publication.objects.create(channel="user:7", offset=3, data='{"id":1,', sequenced_at=at(90_000))
    assert streams.published("user:7", '{"id":1,', at(0)) == (3, at(90_000))
