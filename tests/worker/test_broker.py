"""What the worker does with a channel whose connection was given up."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from kombu import Connection, Queue
from kombu.transport import redis as transport

from worker import broker

#: What kombu, and through it Celery, takes for a broker that is away.
AWAY = transport.Transport.connection_errors


@pytest.fixture
def lost() -> Iterator[tuple[Any, Any]]:
    """A channel whose connection was given up, and the message that it has taken and not acknowledged."""
    broker.survive_loss()
    connection = Connection(settings.CELERY_BROKER_URL)
    channel: Any = connection.default_channel
    queue = Queue("lost", channel=channel)
    queue.declare()
    with connection.Producer(channel=connection.channel()) as producer:
        producer.publish({}, routing_key="lost")
    message = queue.get()
    assert message is not None
    # As a worker does that has noticed the loss by another channel: the address goes, this channel stays.
    channel._disconnect_pools()
    connection._do_close_transport()
    yield channel, message
    channel.qos.restore_at_shutdown = False


def test_task_that_ends_after_the_connection_was_lost_finds_the_broker_away(lost: tuple[Any, Any]) -> None:
    _, message = lost
    with pytest.raises(AWAY):
        message.ack()


def test_channel_that_is_closed_after_the_connection_was_lost_finds_the_broker_away(lost: tuple[Any, Any]) -> None:
    channel, _ = lost
    with pytest.raises(AWAY):
        channel.qos.restore_unacked()
