"""Publications that are stored and numbered in one step, where no transaction is around them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import msgspec
import pytest
from django.contrib.auth import get_user_model
from django.db import DataError, connection, models, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub import streams
from hub.database import prepared
from hub.database.finding import find_row
from hub.database.inserting import insert, statement_for
from hub.models import Deletion, Publication, Stream
from hub.publishing import ending, publish, publish_many, publish_with_row
from hub.users import all_users, log_in_field
from lab.harness.waiting import wait_for
from tests.notifications.locks import somebody_waits
from tests.support.writers import needs_several_writers

pytestmark = pytest.mark.django_db(transaction=True)

KEY = '{"type":"test.happened","id":'


class Rolled(Exception):
    """Ends a transaction."""


@pytest.fixture
def sequenced(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The channels of each call that numbers after a commit."""
    calls: list[set[str]] = []
    real = streams.sequence

    def recorded(channels: set[str]) -> list[streams.Envelope]:
        calls.append(set(channels))
        return real(channels)

    publish_many([("room:1", happened(0)), ("room:2", happened(0))])  # makes the streams
    monkeypatch.setattr(streams, "sequence", recorded)
    return calls


def happened(number: int, writer: int = 0) -> dict[str, object]:
    return {"type": "test.happened", "n": number, "writer": writer}


def stored(channel: str) -> list[Publication]:
    return list(Publication.objects.filter(channel=channel).order_by("offset"))


def test_one_publication_is_numbered_in_the_transaction_that_stores_it(sequenced: list[set[str]]) -> None:
    with CaptureQueriesContext(connection) as asked:
        row = publish("room:1", happened(1))
    written = [query["sql"] for query in asked if "hub_publication" in query["sql"] or "hub_stream" in query["sql"]]
    assert row.offset == 2
    assert Stream.objects.get(channel="room:1").head == 2
    assert stored("room:1")[-1].sequenced_at is not None
    assert len(written) == (1 if connection.vendor == "postgresql" else 2)
    assert sequenced == []


def test_many_are_numbered_in_their_order_and_know_their_numbers(sequenced: list[set[str]]) -> None:
    names = ["room:2", "room:1", "room:2"]
    rows = publish_many([(name, happened(number)) for number, name in enumerate(names)])
    assert [(row.channel, row.offset) for row in rows] == [("room:2", 2), ("room:1", 2), ("room:2", 3)]
    assert {row.pk: row.data for row in rows} == dict(
        Publication.objects.filter(offset__gt=1).values_list("pk", "data")
    )
    assert [row.pk for row in rows] == sorted(row.pk for row in rows)
    assert sequenced == []


def test_more_than_one_statement_takes(sequenced: list[set[str]]) -> None:
    count = streams.BATCH + 20
    publish_many([("room:1", happened(number)) for number in range(count)])
    assert [row.offset for row in stored("room:1")] == list(range(1, count + 2))
    assert sequenced == []


def test_what_waits_for_its_number_comes_first(sequenced: list[set[str]]) -> None:
    streams.append([("room:1", '"left behind by a crash"')])
    publish("room:1", happened(1))
    publish_many([("room:1", happened(2)), ("room:2", happened(2))])
    assert [row.data[:5] for row in stored("room:1")] == ['{"typ', '"left', '{"typ', '{"typ']
    assert sequenced == [{"room:1"}]


def test_a_stream_that_was_restored_in_part_keeps_nothing_from_being_stored(sequenced: list[set[str]]) -> None:
    publish("room:1", happened(1))
    Stream.objects.filter(channel="room:1").update(head=0)
    publish("room:1", happened(2))
    assert Publication.objects.filter(channel="room:1", offset=None).count() == 1
    assert sequenced == [{"room:1"}]


def test_a_transaction_that_ends_there_is_numbered_in_it_and_rolled_back_with_it(sequenced: list[set[str]]) -> None:
    with pytest.raises(Rolled), ending():
        publish("room:1", happened(1))
        raise Rolled
    assert [row.offset for row in stored("room:1")] == [1]
    with ending():
        publish("room:1", happened(1))
        assert [row.offset for row in stored("room:1")] == [1, 2]
    assert sequenced == []


def test_inside_a_transaction_it_is_numbered_after_the_commit(sequenced: list[set[str]]) -> None:
    with transaction.atomic(), ending():
        assert publish("room:1", happened(1)).offset is None
        assert publish_with_row(Deletion(model="m", key="k"), lambda: ("room:1", happened(2)), KEY) is None
    assert [row.offset for row in stored("room:1")] == [1, 2]
    assert sequenced == [{"room:1"}]


def test_where_commits_are_made_by_hand_it_is_numbered_after_them(sequenced: list[set[str]]) -> None:
    transaction.set_autocommit(False)
    try:
        publish("room:1", happened(1))
        transaction.rollback()
        publish("room:1", happened(2))
        publish_many([("room:1", happened(3)), ("room:2", happened(3))])
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert ['"n":2' in row.data for row in stored("room:1")] == [False, True, False]
    assert [row.offset for row in stored("room:1")] == [1, 2, 3]
    assert sequenced == [{"room:1", "room:2"}]


def test_writers_of_all_sorts_leave_no_gap_and_keep_their_order() -> None:
    rounds = 12

    def alone(number: int, writer: int) -> None:
        publish(f"room:{1 + number % 2}", happened(number, writer))

    def one_way(number: int, writer: int) -> None:
        publish_many([("room:1", happened(number, writer)), ("room:2", happened(number, writer))])

    def the_other_way(number: int, writer: int) -> None:
        publish_many([("room:2", happened(number, writer)), ("room:1", happened(number, writer))])

    def in_a_transaction(number: int, writer: int) -> None:
        with transaction.atomic():
            publish(f"room:{1 + number % 2}", happened(number, writer))

    ways: list[Callable[[int, int], None]] = [alone, one_way, the_other_way, in_a_transaction] * 2

    def write(writer: int) -> None:
        try:
            for number in range(rounds):
                ways[writer](number, writer)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(ways)) as pool:
        list(pool.map(write, range(len(ways))))
    assert len(stored("room:1")) + len(stored("room:2")) == rounds * (4 * 1 + 4 * 2)
    for name in ("room:1", "room:2"):
        rows = stored(name)
        assert [row.offset for row in rows] == list(range(1, len(rows) + 1))
        assert Stream.objects.get(channel=name).head == len(rows)
        assert all(one.sequenced_at <= other.sequenced_at for one, other in pairwise(rows))  # type: ignore[operator]  # all have one
        for writer in range(len(ways)):
            own = [row.data for row in rows if f'"writer":{writer}}}' in row.data]
            assert own == sorted(own, key=lambda text: int(text.split('"n":')[1].split(",")[0]))


@needs_several_writers
def test_what_waited_for_its_stream_is_stamped_after_the_wait() -> None:

    def publish_elsewhere() -> None:
        try:
            publish("room:1", happened(2))
        finally:
            connection.close()

    publish("room:1", happened(1))
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            streams.hold(["room:1"])
            waiting = pool.submit(publish_elsewhere)
            wait_for(somebody_waits, that="the other one waits")
            held_until = Stream.objects.annotate(now=Now()).values_list("now", flat=True).get(channel="room:1")
        waiting.result(timeout=30)
    first, second = stored("room:1")
    assert first.sequenced_at is not None
    assert second.sequenced_at is not None
    assert first.sequenced_at < held_until < second.sequenced_at


def test_a_row_and_its_publication_are_one_statement_on_postgresql(sequenced: list[set[str]]) -> None:
    row = Deletion(model="m", key="k", deleted_at=Stream.objects.get(channel="room:1").updated_at)
    data = {"type": "test.happened", "id": 0, "said": f"{KEY}0"}
    with CaptureQueriesContext(connection) as asked:
        publication = publish_with_row(row, lambda: ("room:1", data), KEY)
    if connection.vendor != "postgresql":
        assert (publication, len(asked)) == (None, 0)
        return
    assert (publication is not None, len(asked)) == (True, 1)
    # The key of the row stands once, whatever else looks like it.
    assert msgspec.json.decode(stored("room:1")[-1].data) == {**data, "id": row.pk}
    assert Deletion.objects.get(pk=row.pk).key == "k"
    assert sequenced == []


def test_an_inserted_row_is_as_if_it_had_been_saved() -> None:
    row = Publication(channel="room:1", data="{}")
    assert insert(row)
    assert not row._state.adding
    found = Publication.objects.get(pk=row.pk)
    assert (found.channel, found.data, found.offset, found.created_at) == ("room:1", "{}", None, row.created_at)


def test_an_expression_of_sql_is_left_to_djangos_orm() -> None:
    assert not insert(Deletion(model="m", key="k", deleted_at=Now()))
    assert statement_for(Stream) is None  # the database does not give it its key


def test_a_text_that_is_too_long_is_refused_and_not_cut() -> None:
    row = Deletion(model="m" * 101, key="k", deleted_at=timezone.now())
    if connection.vendor == "postgresql":
        with pytest.raises(DataError):
            insert(row)
    else:
        assert insert(row)  # SQLite cuts and refuses nothing


def test_a_person_is_found_with_all_fields_as_the_orm_finds_them() -> None:
    person = all_users().create(**{log_in_field(): "ann"})
    found = find_row(get_user_model(), log_in_field(), "ann")
    asked = all_users().get(pk=person.pk)
    assert found is not None
    fields = [field.attname for field in type(person)._meta.concrete_fields]
    assert [getattr(found, name) for name in fields] == [getattr(asked, name) for name in fields]
    assert found._state.db == asked._state.db
    assert not found._state.adding
    assert find_row(get_user_model(), "pk", person.pk) == person
    assert find_row(get_user_model(), log_in_field(), "nobody") is None


def test_a_manager_of_the_projects_own_says_who_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = get_user_model()._default_manager
    all_users().create(**{log_in_field(): "ann"})

    class Nobody(type(manager)):  # type: ignore[misc]  # of a class that is known at run time
        def get_queryset(self) -> models.QuerySet[models.Model]:
            return models.QuerySet(get_user_model()).none()

    monkeypatch.setattr(manager, "__class__", Nobody)
    assert find_row(get_user_model(), log_in_field(), "ann") is None


def test_statements_are_prepared_only_where_the_settings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        assert not prepared.prepares()
        return
    assert prepared.prepares()
    for _ in range(4):
        publish("room:1", happened(1))
    (count,) = prepared.ask("SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%hub_stream%"])[0]
    assert count == 1
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", None)
    assert not prepared.prepares()
    publish("room:1", happened(2))
    assert stored("room:1")[-1].offset == 5


@pytest.mark.skipif(
    connection.vendor != "postgresql",
    reason="statements are prepared on PostgreSQL alone: make test-postgres runs it",
)
def test_columns_that_are_changed_meanwhile_are_read_by_a_new_statement() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE some_rows AS SELECT 'ann'::varchar(10) AS name")
    try:
        for _ in range(4):
            assert prepared.ask("SELECT name FROM some_rows WHERE name = %s", ["ann"]) == [("ann",)]
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_change_column).result(timeout=30)
        for _ in range(4):
            assert prepared.ask("SELECT name FROM some_rows WHERE name = %s", ["ann"]) == [("ann",)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE some_rows")


def _change_column() -> None:
    """As a release does, while others have their connections open."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE some_rows ALTER COLUMN name TYPE varchar(20)")
    finally:
        connection.close()


@pytest.mark.parametrize("level", [None, 2, 3])
def test_with_reads_that_repeat_it_is_numbered_after_the_commit(
    level: int | None, sequenced: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "isolation_level", level)
    publish("room:1", happened(1))
    publish_many([("room:1", happened(2)), ("room:2", happened(2))])
    repeats = connection.vendor == "postgresql" and level == 3
    assert sequenced == ([{"room:1"}, {"room:1", "room:2"}] if repeats else [])
    assert [row.offset for row in stored("room:1")] == [1, 2, 3]
