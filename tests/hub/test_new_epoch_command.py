import asyncio
from datetime import timedelta
from io import StringIO

import pytest
from channels.layers import BaseChannelLayer
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from hub import streams
from hub.database.threads import in_database_thread
from hub.fanout import recovery, relay
from hub.models import Stream
from hub.publishing import apublish, publish
from hub.streams import Position
from lab.harness.waiting import await_for
from tests.hub.listeners import Listener, as_data, follow

pytestmark = pytest.mark.django_db(transaction=True)

CHANNELS = ("everyone", "room:1", "user:1")


def epochs() -> dict[str, str]:
    return {channel: position.epoch for channel, position in streams.positions(CHANNELS).items()}


def long_silent() -> None:
    """All streams look as if nothing had been published for a while."""
    Stream.objects.update(updated_at=Now() - timedelta(minutes=5))


@pytest.fixture
def three_streams() -> dict[str, str]:
    Stream.objects.all().delete()  # of a test before, whose web process was still ending
    for channel in CHANNELS:
        publish(channel, {"type": "test.happened"})
    return epochs()


def new_epoch(*channels: str) -> str:
    output = StringIO()
    call_command("new_epoch", *channels, stdout=output)
    return output.getvalue()


def test_all_streams_get_a_new_epoch_and_keep_their_offsets(three_streams: dict[str, str]) -> None:
    assert new_epoch() == "3 streams have a new epoch.\n"
    after = epochs()
    assert all(after[channel] != three_streams[channel] for channel in CHANNELS)
    assert {position.offset for position in streams.positions(CHANNELS).values()} == {1}


def test_named_streams_only(three_streams: dict[str, str]) -> None:
    new_epoch("room:1")
    assert {channel for channel, epoch in epochs().items() if epoch != three_streams[channel]} == {"room:1"}


def test_a_channel_that_has_no_stream_is_named_and_nothing_changes(three_streams: dict[str, str]) -> None:
    with pytest.raises(CommandError, match="no stream of room:2"):
        new_epoch("room:1", "room:2")
    assert epochs() == three_streams


@pytest.mark.slow
async def test_who_comes_back_and_who_is_connected_must_reload(layer: BaseChannelLayer) -> None:
    await apublish("room:1", {"type": "test.happened"})
    before = (await in_database_thread(streams.positions, ["room:1"]))["room:1"]
    listener = Listener()
    await follow("room:1", listener)
    try:
        await in_database_thread(long_silent)
        await in_database_thread(new_epoch)
        await await_for(lambda: listener.restarts == 1, that="the one that is connected is told")
        subscription = await relay.current().subscribe("room:1", Listener(), as_data)
        assert await recovery.missed(subscription, Position(before.epoch, 1)) is None
    finally:
        await asyncio.shield(relay.current.close())
