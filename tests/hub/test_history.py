"""What is left of a channel's history after it is removed, and after it is forgotten."""

import pytest

from hub import streams
from hub.models import Publication, PublicationKey
from hub.publishing import publish, release
from hub.publishing.idempotency import publish_once
from hub.streams import history

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
