import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from hub import publishing, streams
from hub.models import Publication, Stream
from hub.streams import Position, personal
from lab.harness.waiting import wait_for
from tests.notifications.locks import somebody_waits
from tests.support.writers import needs_several_writers

pytestmark = pytest.mark.django_db(transaction=True)


def append(channel: str, *texts: str) -> None:
    streams.append([(channel, text) for text in texts])


def test_offsets_begin_at_one_and_have_no_gaps_in_commit_order() -> None:
    append("room:1", "a", "b")
    first = streams.sequence(["room:1"])
    append("room:1", "c")
    second = streams.sequence(["room:1"])

    assert [(envelope.offset, envelope.data) for envelope in first + second] == [(1, "a"), (2, "b"), (3, "c")]
    assert len({envelope.epoch for envelope in first + second}) == 1
    assert streams.positions(["room:1"])["room:1"] == Position(first[0].epoch, 3)


def test_a_row_is_numbered_once() -> None:
    append("room:1", "a")
    assert len(streams.sequence(["room:1"])) == 1
    assert streams.sequence(["room:1"]) == []


def test_a_row_left_without_an_offset_is_numbered_by_the_next_publisher() -> None:
    append("room:1", "left behind by a crash")
    append("room:1", "next")
    assert [envelope.data for envelope in streams.sequence(["room:1"])] == ["left behind by a crash", "next"]


def test_channels_are_numbered_apart() -> None:
    streams.append([("room:1", "a"), ("room:2", "b"), ("room:1", "c")])
    envelopes = streams.sequence(["room:2", "room:1"])
    assert sorted((envelope.channel, envelope.offset, envelope.data) for envelope in envelopes) == [
        ("room:1", 1, "a"),
        ("room:1", 2, "c"),
        ("room:2", 1, "b"),
    ]


def test_more_channels_than_one_transaction_takes() -> None:
    names = [f"user:{number}" for number in range(streams.BATCH + 20)]
    streams.append([(name, "x") for name in names])
    assert sorted(envelope.channel for envelope in streams.sequence(names)) == sorted(names)
    assert Publication.objects.filter(offset=None).count() == 0


@pytest.mark.slow
def test_threads_that_sequence_at_once_leave_no_gap_and_no_repeat() -> None:
    def publish(number: int) -> list[int]:
        try:
            append("room:1", str(number))
            append("room:2", str(number))
            # The two orders of naming the channels would deadlock if they were also the orders of locking.
            names = ["room:1", "room:2"] if number % 2 else ["room:2", "room:1"]
            return [envelope.offset for envelope in streams.sequence(names) if envelope.channel == "room:1"]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        offsets = [offset for found in pool.map(publish, range(40)) for offset in found]
    assert sorted(offsets) == list(range(1, 41))
    assert list(Publication.objects.filter(channel="room:2").order_by("offset").values_list("offset", flat=True)) == (
        list(range(1, 41))
    )


@needs_several_writers
def test_a_transaction_that_stays_open_holds_up_nobody_else_in_its_channel() -> None:

    def publish_elsewhere() -> list[str]:
        try:
            append("room:1", "quick")
            return [envelope.data for envelope in streams.sequence(["room:1"])]
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        append("room:1", "slow")
        assert pool.submit(publish_elsewhere).result(timeout=20) == ["quick"]
    assert [(envelope.offset, envelope.data) for envelope in streams.sequence(["room:1"])] == [(2, "slow")]


@needs_several_writers
def test_what_waited_for_its_stream_is_stamped_after_the_wait() -> None:

    def publish_elsewhere() -> None:
        try:
            append("room:1", "waits")
            streams.sequence(["room:1"])
        finally:
            connection.close()

    append("room:1", "first")
    streams.sequence(["room:1"])
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            streams.hold(["room:1"])
            waiting = pool.submit(publish_elsewhere)
            wait_for(somebody_waits, that="the other one waits")
            held_until = Stream.objects.annotate(now=Now()).values_list("now", flat=True).get(channel="room:1")
        waiting.result(timeout=20)
    stamp = Publication.objects.get(data="waits").sequenced_at
    assert stamp is not None
    assert stamp > held_until


def test_reading_gives_what_lies_between_two_offsets_oldest_first() -> None:
    append("room:1", *"abcde")
    streams.sequence(["room:1"])
    assert [envelope.data for envelope in streams.read("room:1", after=1, upto=4, limit=10)] == ["b", "c", "d"]
    assert [envelope.data for envelope in streams.read("room:1", after=1, limit=2)] == ["b", "c"]
    assert streams.read("room:1", after=5, limit=10) == []


def test_reading_never_gives_a_part_when_the_beginning_is_gone() -> None:
    append("room:1", *"abc")
    streams.sequence(["room:1"])
    Publication.objects.filter(channel="room:1", offset=1).delete()
    assert streams.read("room:1", after=0, limit=10) == []
    assert [envelope.data for envelope in streams.read("room:1", after=1, limit=10)] == ["b", "c"]


def test_rows_without_an_offset_are_not_read() -> None:
    append("room:1", "a")
    assert streams.read("room:1", after=0, limit=10) == []


def test_a_channel_without_a_stream_stands_at_the_beginning() -> None:
    assert streams.positions(["room:1"]) == {"room:1": Position("", 0)}


# --- channels without a stream --------------------------------------------------------------------------------------


def test_channel_has_the_epoch_before_its_first_publication_that_it_has_afterwards() -> None:
    before = streams.begin(["room:1", "room:2"])
    append("room:1", "a")
    (envelope,) = streams.sequence(["room:1"])
    assert before["room:1"] == Position(envelope.epoch, 0)
    assert streams.begin(["room:1", "room:2"]) == {"room:1": Position(envelope.epoch, 1), "room:2": before["room:2"]}


def test_asking_where_channels_stand_is_one_query_and_makes_no_row_for_them(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    streams.begin(["room:1"])
    with django_assert_num_queries(1):
        streams.begin(f"room:{number}" for number in range(100))
    append("room:1", "a")
    streams.sequence(["room:1"])
    with django_assert_num_queries(1):
        streams.begin(f"room:{number}" for number in range(100))
    assert list(Stream.objects.exclude(channel="").values_list("channel", flat=True)) == ["room:1"]


def test_streams_that_are_made_after_a_renewal_are_another_history() -> None:
    before = streams.begin(["room:1"])["room:1"]
    assert streams.renew() == 0
    append("room:1", "a")
    (envelope,) = streams.sequence(["room:1"])
    assert envelope.epoch != before.epoch
    streams.renew(["room:1"])
    append("room:2", "b")
    (other,) = streams.sequence(["room:2"])
    assert other.epoch == envelope.epoch


@pytest.mark.slow
def test_stream_that_is_made_while_all_are_renewed_is_renewed_too() -> None:
    old = streams.begin(["room:1"])["room:1"].epoch
    append("room:1", "a")
    made, go_on = threading.Event(), threading.Event()

    def make() -> None:
        try:
            with transaction.atomic():
                streams.sequence(["room:1"])
                made.set()
                assert go_on.wait(30)
        finally:
            connection.close()

    def renew() -> int:
        try:
            return streams.renew()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        making = threads.submit(make)
        assert made.wait(30)
        renewing = threads.submit(renew)
        try:
            assert not wait([renewing], timeout=0.5).done
        finally:
            go_on.set()
        making.result(30)
        assert renewing.result(30) == 1
    assert not Stream.objects.filter(epoch=old).exists()


def test_touched_names_the_streams_that_grew_within_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    append("room:1", "a")
    append("room:2", "b")
    streams.sequence(["room:1", "room:2"])
    Stream.objects.filter(channel="room:2").update(updated_at=Now() - timedelta(minutes=5))
    assert [(channel, position.offset) for channel, position in streams.touched()] == [("room:1", 1)]
    # It may have grown after it says so.
    monkeypatch.setattr("hub.streams.store.NOTED_EVERY", timedelta(hours=1))
    assert {channel for channel, _ in streams.touched()} == {"room:1", "room:2"}


def _at_once(*channels: str) -> None:
    assert streams.append_at_once([(channel, "{}") for channel in channels])


def _after_commit(*channels: str) -> None:
    streams.append([(channel, "{}") for channel in channels])
    streams.sequence(channels)


def _shared(*channels: str) -> None:
    with transaction.atomic():
        streams.append_shared(publishing.share({"type": "test.happened"}), channels)


@pytest.mark.whole_table
@pytest.mark.parametrize("grow", [_at_once, _after_commit, _shared])
@pytest.mark.parametrize("channels", [["room:1"], ["room:1", "room:2"]], ids=len)
def test_a_stream_says_when_it_grew_and_postgresql_writes_that_to_the_index_now_and_then(
    grow: Callable[..., None], channels: list[str]
) -> None:
    _after_commit(*channels)
    long_ago = Now() - streams.SLACK - 2 * streams.NOTED_EVERY
    Stream.objects.filter(channel__in=channels).update(updated_at=long_ago)
    assert streams.touched() == []
    grow(*channels)
    assert [(channel, position.offset) for channel, position in streams.touched()] == [(one, 2) for one in channels]

    # Recent also where this test is slow.
    Stream.objects.filter(channel__in=channels).update(updated_at=Now() + streams.NOTED_EVERY)
    before = set(Stream.objects.values_list("channel", "updated_at"))
    grow(*channels)
    assert [position.offset for position in streams.positions(channels).values()] == [3] * len(channels)
    unchanged = before & set(Stream.objects.filter(channel__in=channels).values_list("channel", "updated_at"))
    assert len(unchanged) == (len(channels) if connection.vendor == "postgresql" else 0)


def _withdraw() -> None:
    publishing.withdraw([publishing.Replacement(f"user:{one}", ['"a'], {"type": "gone"}) for one in (2, 1)])


def _erase() -> None:
    personal.erase_published_by(["7"], '{"type":"gone"}')


@pytest.mark.parametrize("change", [_withdraw, _erase])
@needs_several_writers
def test_who_changes_publications_never_waits_in_a_ring_for_who_numbers_them(change: Callable[[], None]) -> None:

    def run() -> None:
        try:
            change()
        finally:
            connection.close()

    streams.append([("user:2", '"a"'), ("user:1", '"a"')], info='{"user":"7"}')
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            streams.sequence(["user:1"])
            other = pool.submit(run)
            wait_for(somebody_waits, that="the other transaction waits for this one")
            streams.sequence(["user:2"])
        other.result(20)
    found = [one.data for name in ("user:1", "user:2") for one in streams.read(name, after=0, limit=9)]
    assert set(found) == {'{"type":"gone"}'}


def test_who_changes_what_has_its_offset_waits_for_nobody() -> None:
    append("user:1", '"a"')
    streams.sequence(["user:1"])
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        streams.hold_pending(["user:1", "user:2"])
    assert not any("hub_stream" in one["sql"] for one in captured)
    assert set(Stream.objects.exclude(channel="").values_list("channel", flat=True)) == {"user:1"}
