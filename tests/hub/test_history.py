"""What is left of a channel's history after it is removed, and after it is forgotten."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction

from hub import streams
from hub.models import Publication, PublicationKey
from hub.publishing import publish, publish_many, publish_shared, release, share
from hub.publishing.idempotency import publish_once
from hub.streams import history, sharing

pytestmark = pytest.mark.django_db(transaction=True)

CHANNEL, OTHER = "user:1", "user:2"


def test_forgotten_channel_has_nothing_and_its_offsets_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "CHUNK", 2)
    for channel in (CHANNEL, OTHER):
        for number in range(5):
            publish_once(f"k{number}", {channel: {"type": "x"}})
        streams.append([(channel, '{"type":"x"}')])  # and not numbered, by a process that died then
    before = streams.positions([CHANNEL])[CHANNEL]
    history.forget(CHANNEL)
    assert release([CHANNEL]) == 0
    assert (Publication.objects.filter(channel=CHANNEL).count(), Publication.objects.count()) == (0, 6)
    assert (PublicationKey.objects.filter(channel=CHANNEL).count(), PublicationKey.objects.count()) == (0, 5)
    publish(CHANNEL, {"type": "x"})
    assert streams.positions([CHANNEL])[CHANNEL] == streams.Position(before.epoch, before.offset + 1)


def test_removing_a_history_keeps_what_has_no_place_in_it_yet_and_the_keys() -> None:
    publish_once("k", {CHANNEL: {"type": "x"}})
    streams.append([(CHANNEL, '{"type":"x"}')])
    assert history.remove(CHANNEL) == 1
    assert release([CHANNEL]) == 1
    assert PublicationKey.objects.count() == 1


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("is_shared", [False, True])
def test_page_of_a_bounded_size_reads_little_beyond_it(
    reverse: bool, is_shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "STEP", 3)
    if is_shared:
        for _ in range(10):
            with transaction.atomic():
                publish_shared(share({"type": "x", "text": "y" * 1000}), [CHANNEL])
    else:
        publish_many([(CHANNEL, {"type": "x", "text": "y" * 1000})] * 10)
    read = list[int]()

    def with_texts(rows: Iterable[Any]) -> Any:
        found = sharing.with_texts(rows)
        read.extend(offset or 0 for offset, *_ in found)
        return found

    monkeypatch.setattr(history, "sharing", SimpleNamespace(with_texts=with_texts))
    pages = {size: history.page(CHANNEL, limit=9, reverse=reverse, size=size).envelopes for size in (10, 4500, None)}
    order = list(range(10, 0, -1) if reverse else range(1, 11))
    assert [[one.offset for one in page] for page in pages.values()] == [order[:1], order[:4], order[:9]]
    assert read == [*order[:3], *order[:6], *order[:9]]


def test_page_ends_where_rows_go_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "STEP", 2)
    publish_many([(CHANNEL, {"type": "x"})] * 6)

    def with_texts(rows: Iterable[Any]) -> Any:
        found = sharing.with_texts(rows)
        Publication.objects.filter(channel=CHANNEL, offset__lte=3).delete()
        return found

    monkeypatch.setattr(history, "sharing", SimpleNamespace(with_texts=with_texts))
    assert [one.offset for one in history.page(CHANNEL, limit=6, size=1000).envelopes] == [1, 2]
