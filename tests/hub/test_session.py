"""A session that ends while it is still being set up leaves nothing behind."""

import asyncio

import pytest

from hub import streams
from hub.access import registry
from hub.access.reasons import End
from hub.database.threads import in_database_thread
from hub.fanout import recovery, relay
from hub.fanout.frames import FrameBatch
from hub.session.session import Session
from hub.session.subscriptions import SessionSubscription
from hub.streams import Envelope, Position
from lab.harness.waiting import await_for

pytestmark = pytest.mark.django_db(transaction=True)

CHANNEL = "everyone"


class Client(Session):
    """A client that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(None, "", "en", None)
        self.frames: list[str] = []

    def end(self, reason: End) -> None:
        self.cut()

    def write(self, batch: FrameBatch) -> None:
        self.frames += batch.texts


def data(envelope: Envelope) -> str:
    return envelope.data


def published(text: str) -> list[Envelope]:
    streams.append([(CHANNEL, text)])
    return streams.sequence([CHANNEL])


async def subscribed(client: Client) -> SessionSubscription:
    subscription = SessionSubscription(client, CHANNEL, data)
    await client.open([subscription])
    return subscription


async def test_session_that_is_registered_after_its_end_is_not_kept() -> None:
    client = Client()
    client.cut()
    registry.current().add(client)
    await client.leave()
    assert client not in registry.current()


async def test_subscription_that_ends_while_its_client_is_ahead_is_not_subscribed_again() -> None:
    client = Client()
    subscription = await subscribed(client)
    local_channel = subscription.local_channel
    # Another process has delivered it, and this one has not heard of it.
    (envelope,) = await in_database_thread(published, '"ahead"')
    since = {CHANNEL: Position(envelope.epoch, envelope.offset)}
    recovering = asyncio.create_task(recovery.recover([subscription], since))
    await await_for(lambda: subscription in local_channel, that="it is subscribed")
    client.cut()
    relay.current().deliver(envelope)
    await recovering
    assert subscription not in local_channel
    await client.leave()
    assert len(local_channel) == 0


async def test_nothing_is_written_to_a_subscription_that_was_dropped_before_it_went_live() -> None:
    client = Client()
    subscription = await subscribed(client)
    (envelope,) = await in_database_thread(published, '"held"')
    relay.current().deliver(envelope)
    await asyncio.sleep(0)
    client.drop(subscription)
    await subscription.leave()
    subscription.go_live()
    assert client.frames == []
