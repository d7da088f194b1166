"""What a statement costs whose tables were empty when PostgreSQL last looked at them."""

from collections.abc import Callable, Iterator

import pytest

from hub import streams
from hub.streams import sharing
from tests.support.statistics import rows_read, statistics_of_empty_tables
from tests.support.writers import needs_several_writers

pytestmark = [pytest.mark.django_db(transaction=True), needs_several_writers]

#: Channels and publications: of one batch and a bit.
MANY = streams.BATCH + 100


@pytest.fixture(autouse=True)
def stale() -> Iterator[None]:
    with statistics_of_empty_tables():
        yield


def one_each() -> int:
    return len(streams.sequence(f"user:{number}" for number in range(MANY)))


def many_in_one() -> int:
    return len(streams.sequence(["everyone"]))


@pytest.mark.parametrize(
    ("channel_of", "numbered"),
    [(lambda number: f"user:{number}", one_each), (lambda number: "everyone", many_in_one)],
    ids=["a channel each", "one channel"],
)
def test_numbering_reads_each_row_a_few_times(channel_of: Callable[[int], str], numbered: Callable[[], int]) -> None:
    streams.append([(channel_of(number), "1") for number in range(MANY)])
    with rows_read() as read:
        assert numbered() == MANY
    assert read[0] < 20 * MANY


def test_numbering_by_itself_ends_in_time() -> None:
    streams.append([("everyone", "1")] * MANY)
    assert [envelope.offset for envelope in streams.sequence(["everyone"])] == list(range(1, MANY + 1))
    streams.append([("everyone", "1")] * MANY)
    assert many_in_one() == MANY


def test_appending_shared_data_reads_each_stream_a_few_times() -> None:
    shared = sharing.share("1")
    with rows_read() as read:
        assert len(streams.append_shared(shared, [f"user:{number}" for number in range(MANY)])) == MANY
    assert read[0] < 20 * MANY
