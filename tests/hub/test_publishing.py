import msgspec
import pytest
from django.db import DatabaseError, transaction
from pytest_django.fixtures import Settings

from hub import streams
from hub.channels import UnknownChannel
from hub.models import Publication, Stream
from hub.publishing import PayloadTooBig, apublish, publish, publish_ephemeral, publish_many
from hub.publishing.verbs import NotDurable

pytestmark = pytest.mark.django_db(transaction=True)


class Rolled(Exception):
    """Ends a transaction."""


@pytest.fixture
def sequenced(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The channels of each call of ``streams.sequence``."""
    calls: list[set[str]] = []
    real = streams.sequence

    def recorded(channels: set[str]) -> list[streams.Envelope]:
        calls.append(set(channels))
        return real(channels)

    monkeypatch.setattr(streams, "sequence", recorded)
    return calls


def offsets(channel: str) -> list[int | None]:
    return list(Publication.objects.filter(channel=channel).order_by("id").values_list("offset", flat=True))


def test_what_publish_returns_is_stored_and_has_an_offset() -> None:
    row = publish("room:1", {"type": "test.happened", "n": 1})
    row.refresh_from_db()
    assert (row.offset, row.data) == (1, '{"type":"test.happened","n":1}')
    assert Stream.objects.get(channel="room:1").head == 1


def test_a_rolled_back_transaction_publishes_nothing() -> None:
    with pytest.raises(Rolled), transaction.atomic():
        publish("room:1", {"type": "test.happened"})
        raise Rolled
    assert offsets("room:1") == []
    publish("room:1", {"type": "test.happened"})
    assert offsets("room:1") == [1]


def test_a_rolled_back_savepoint_publishes_nothing_and_the_rest_goes_out(sequenced: list[set[str]]) -> None:
    with transaction.atomic():
        with pytest.raises(Rolled), transaction.atomic():
            publish("room:1", {"type": "test.happened"})
            raise Rolled
        publish("room:2", {"type": "test.happened"})
    assert offsets("room:1") == []
    assert offsets("room:2") == [1]
    assert len(sequenced) == 1


def test_nothing_is_numbered_before_the_commit() -> None:
    with transaction.atomic():
        publish("room:1", {"type": "test.happened"})
        assert offsets("room:1") == [None]
    assert offsets("room:1") == [1]


def test_a_transaction_with_many_publications_is_numbered_once(sequenced: list[set[str]]) -> None:
    with transaction.atomic():
        for number in range(20):
            publish(f"room:{number % 3}", {"type": "test.happened", "n": number})
    assert sequenced == [{"room:0", "room:1", "room:2"}]
    assert offsets("room:0") == [1, 2, 3, 4, 5, 6, 7]


def test_many_are_stored_together_or_not_at_all() -> None:
    with pytest.raises(UnknownChannel):
        publish_many([("room:1", {"type": "test.happened"}), ("nowhere:1", {"type": "test.happened"})])
    assert offsets("room:1") == []
    assert len(publish_many((f"user:{number}", {"type": "test.happened"}) for number in range(5))) == 5
    assert offsets("user:4") == [1]


def test_publishing_nothing_is_harmless() -> None:
    assert publish_many([]) == []


def test_what_is_rolled_back_is_not_looked_for_by_a_later_commit(sequenced: list[set[str]]) -> None:
    with pytest.raises(Rolled), transaction.atomic():
        publish("room:1", {"type": "test.happened"})
        raise Rolled
    publish_many([])
    publish("room:2", {"type": "test.happened"})
    with transaction.atomic():
        publish("room:3", {"type": "test.happened"})
        with pytest.raises(Rolled), transaction.atomic():
            publish("room:4", {"type": "test.happened"})
            raise Rolled
    assert sequenced == [{"room:2"}, {"room:3"}]


def test_a_failure_to_number_after_the_commit_is_not_the_callers_and_the_next_publisher_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(channels: set[str]) -> list[streams.Envelope]:
        raise DatabaseError("no disk")

    with monkeypatch.context() as patched:
        patched.setattr(streams, "sequence", fails)
        publish("room:1", {"type": "test.happened"})
    assert offsets("room:1") == [None]
    publish("room:1", {"type": "test.happened"})
    assert offsets("room:1") == [1, 2]


@pytest.mark.parametrize("data", [{"n": object()}, {"n": {1, 2, object()}}])
def test_what_json_has_not_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        publish("room:1", data)
    assert offsets("room:1") == []


def test_too_much_is_refused(settings: Settings) -> None:
    settings.HUB_MAX_PUBLICATION = 100
    with pytest.raises(PayloadTooBig, match="100 are allowed"):
        publish("room:1", {"text": "x" * 100})
    with pytest.raises(PayloadTooBig):
        publish_ephemeral("room:1", {"text": "x" * 100})


def test_a_channel_that_keeps_no_history_takes_only_ephemeral_publications() -> None:
    with pytest.raises(NotDurable):
        publish("online", {"type": "test.happened"})
    publish_ephemeral("online", {"type": "test.happened"})
    assert Publication.objects.count() == 0


def test_a_message_type_is_published_with_its_tag() -> None:
    class Happened(msgspec.Struct, tag="test.happened"):
        n: int

    assert publish("room:1", Happened(n=3)).data == '{"type":"test.happened","n":3}'


async def test_async_code_publishes_in_a_transaction_of_its_own() -> None:
    row = await apublish("room:1", {"type": "test.happened"})
    await row.arefresh_from_db()
    assert row.offset == 1
