"""``ProcessListener``: what a process hears on a channel beside its clients."""

from collections.abc import AsyncIterator

import pytest
from channels.layers import BaseChannelLayer

from hub.fanout import relay
from hub.fanout.listening import ProcessListener
from hub.publishing import apublish_ephemeral
from lab.harness.waiting import await_for
from tests.hub.listeners import Listener, as_data, follow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def running(layer: BaseChannelLayer) -> AsyncIterator[None]:
    await relay.current.close()
    yield
    await relay.current.close()


async def test_process_hears_from_its_start_to_its_stop() -> None:
    heard: list[str] = []
    client = Listener()
    await follow("online", client)
    listener = ProcessListener("online", as_data, heard.append)
    await listener.start()
    await listener.start()
    await apublish_ephemeral("online", {"type": "test.first"})
    await await_for(lambda: len(client.frames) == 1, that="the first has come")
    listener.stop()
    listener.stop()
    await apublish_ephemeral("online", {"type": "test.second"})
    await await_for(lambda: len(client.frames) == 2, that="the second has come")
    assert heard == client.frames[:1]


async def test_what_is_told_here_reaches_subscribers_of_this_process() -> None:
    heard: list[str] = []
    client = Listener()
    await follow("online", client)
    listener = ProcessListener("online", as_data, heard.append)
    await listener.start()
    listener.tell_here({"type": "test.here"})
    await await_for(lambda: heard == client.frames == ['{"type":"test.here"}'], that="both heard it")
    listener.stop()
