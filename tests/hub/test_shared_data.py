"""Publications of many channels that share their data: stored once, and read as if each had it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from hub import publishing, streams
from hub.models import Publication, SharedData, Stream
from hub.streams import Position, history, personal, sharing
from hub.testing import capture_publications

pytestmark = pytest.mark.django_db(transaction=True)

DATA = {"type": "test.told", "id": 7}
TEXT = '{"type":"test.told","id":7}'


def publish(*channels: str) -> int:
    shared = publishing.share(DATA)
    publishing.publish_shared(shared, channels)
    return shared


def texts(channel: str) -> list[str]:
    return [envelope.data for envelope in streams.read(channel, after=0, limit=10)]


def test_data_is_stored_once_and_read_in_every_channel() -> None:
    publish("user:1", "user:2", "user:1")
    assert [row.data for row in Publication.objects.all()] == ["", ""]
    assert [row.data for row in SharedData.objects.all()] == [TEXT]
    assert texts("user:1") == texts("user:2") == [TEXT]
    assert [envelope.data for envelope in history.page("user:2", limit=5, reverse=True).envelopes] == [TEXT]


def test_they_continue_the_channel_with_and_without_an_earlier_history() -> None:
    publishing.publish("user:1", {"type": "test.alone"})
    publish("user:1", "user:2")
    publishing.publish("user:1", {"type": "test.after"})
    assert [envelope.offset for envelope in streams.read("user:1", after=0, limit=10)] == [1, 2, 3]
    assert texts("user:1")[1] == TEXT
    assert streams.positions(["user:1", "user:2"]) == {
        "user:1": Position(Stream.objects.get(pk="user:1").epoch, 3),
        "user:2": Position(Stream.objects.get(pk="user:2").epoch, 1),
    }


def test_they_are_announced_after_the_commit_with_their_data() -> None:
    with capture_publications() as published:
        with transaction.atomic():
            publish("user:1", "user:2")
            assert list(published) == []
        assert [(one.channel, one.offset, one.data) for one in published] == [
            ("user:1", 1, DATA),
            ("user:2", 1, DATA),
        ]


def test_rollback_takes_them_back() -> None:
    with capture_publications() as published:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            publish("user:1")
            raise ZeroDivisionError
        assert list(published) == []
    assert not Publication.objects.exists()
    assert not SharedData.objects.exists()


def test_more_channels_than_one_statement_takes() -> None:
    names = [f"user:{number}" for number in range(1, streams.BATCH + 21)]
    publish(*names)
    assert Publication.objects.filter(offset=1).count() == len(names)
    assert texts(names[-1]) == [TEXT]


def test_publishers_at_the_same_time_leave_no_gap_and_no_repeat() -> None:
    begin = threading.Barrier(6)

    def run(number: int) -> None:
        try:
            begin.wait(30)
            for _ in range(5):
                if number % 2:
                    publish("user:1", "user:2", "user:3")
                else:
                    publishing.publish_many((name, DATA) for name in ("user:3", "user:1", "user:2"))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(6)))
    for name in ("user:1", "user:2", "user:3"):
        offsets = Publication.objects.filter(channel=name).order_by("offset").values_list("offset", flat=True)
        assert list(offsets) == list(range(1, 31))


def test_withdrawing_in_one_channel_leaves_the_others() -> None:
    publish("user:1", "user:2")
    publishing.withdraw([publishing.Replacement("user:1", ['{"type":"test.told","id":7'], {"type": "test.withdrawn"})])
    assert texts("user:1") == ['{"type":"test.withdrawn"}'] * 2
    assert texts("user:2") == [TEXT]


def test_replacing_shared_data_replaces_it_in_all_channels() -> None:
    shared = publish("user:1", "user:2")
    other = publish("user:1")
    publishing.replace_shared(shared, {"type": "test.withdrawn"})
    assert texts("user:1") == ['{"type":"test.withdrawn"}', TEXT]
    assert texts("user:2") == ['{"type":"test.withdrawn"}']
    assert sharing.texts([other]) == {other: TEXT}


def test_rewriting_a_channel_changes_what_it_shares_there_only() -> None:
    publish("user:1", "user:2")
    assert personal.rewrite("user:1", lambda text: text.replace("7", "8")) == 1
    assert texts("user:1") == [TEXT.replace("7", "8")]
    assert texts("user:2") == [TEXT]


def test_shared_data_goes_when_no_publication_is_left() -> None:
    shared, other = publish("user:1", "user:2"), publish("user:1")
    publishing.publish("user:1", DATA)
    SharedData.objects.update(created_at=Now() - timedelta(days=2))
    assert sharing.forget_unused() == 0
    Publication.objects.filter(channel="user:1").delete()
    assert sharing.forget_unused() == 1
    assert list(SharedData.objects.values_list("pk", flat=True)) == [shared]
    Publication.objects.all().delete()
    assert sharing.forget_unused() == 1
    assert not SharedData.objects.filter(pk__in=[shared, other]).exists()


def test_fresh_shared_data_waits_for_its_publications() -> None:
    publishing.share(DATA)
    assert sharing.forget_unused() == 0


def test_what_cannot_be_sent_is_refused_before_anything_is_stored() -> None:
    with pytest.raises(publishing.PayloadTooBig):
        publishing.share({"type": "test.told", "text": "x" * 100_000})
    shared = publishing.share(DATA)
    with pytest.raises(ValueError, match="keeps no history"):
        publishing.publish_shared(shared, ["user:1", "online"])
    assert not Publication.objects.exists()


def test_an_inconsistent_stream_does_not_keep_the_others_from_theirs() -> None:
    publishing.publish("user:2", {"type": "test.alone"})
    Stream.objects.filter(pk="user:2").update(head=0)  # as after a restore in part
    publish("user:1", "user:2", "user:3")
    assert texts("user:1") == texts("user:3") == [TEXT]
    assert texts("user:2") == ['{"type":"test.alone"}']


def old(shared: int) -> int:
    SharedData.objects.filter(pk=shared).update(created_at=Now() - timedelta(days=2))
    return shared


def test_data_that_is_published_while_it_is_forgotten_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = old(publishing.share(DATA))
    real = sharing._is_used
    looks: list[bool] = []

    def look(asked: int, first: int | None, last: int | None) -> bool:
        looks.append(real(asked, first, last))
        if len(looks) == 1:
            publishing.publish_shared(shared, ["user:1"])
        return looks[-1]

    monkeypatch.setattr(sharing, "_is_used", look)
    assert sharing.forget_unused() == 0
    assert looks == [False, True]
    assert texts("user:1") == [TEXT]


def test_data_that_is_gone_is_as_publications_that_are_not_kept() -> None:
    publishing.publish("user:1", DATA)
    SharedData.objects.filter(pk=publish("user:1")).delete()
    assert texts("user:1") == []
    with pytest.raises(history.NotKept):
        history.page("user:1", limit=5, since=Position("", 1))
    assert history.page("user:1", limit=5).envelopes == []


def test_data_that_is_gone_is_not_published() -> None:
    shared = old(publishing.share(DATA))
    with transaction.atomic():
        assert publishing.is_shared(shared)
    assert sharing.forget_unused() == 1
    with transaction.atomic():
        assert not publishing.is_shared(shared)
    with pytest.raises(LookupError):
        publishing.publish_shared(shared, ["user:1"])
    assert not Publication.objects.exists()


def test_streams_are_locked_in_the_order_in_which_batches_are_cut() -> None:
    # Python's, which the column has (tests/hub/test_fields.py): else two that lock more than one batch deadlock.
    with CaptureQueriesContext(connection) as captured:
        publishing.publish_many((name, DATA) for name in ("user:a", "user:B"))
        publish("user:a", "user:B")
    locks = [one["sql"] for one in captured if "ORDER BY channel" in one["sql"] and "INSERT" not in one["sql"]]
    assert len(locks) >= 2
    for sql in locks:
        assert ("ORDER BY channel FOR " in sql) == (connection.vendor == "postgresql")
