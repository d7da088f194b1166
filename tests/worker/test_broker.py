"""What the worker does with a channel whose connection was given up, and with what is no message."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.conf import settings
from kombu import Connection, Queue
from kombu.exceptions import OperationalError
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


def message_with(**parts: Any) -> bytes:
    """A message as kombu sends it, with other ``parts``."""
    properties = {"delivery_tag": "1", "delivery_info": {"exchange": "", "routing_key": "taken"}}
    body = base64.b64encode(b'"right"').decode()
    whole = {"body": body, "content-type": "application/json", "content-encoding": "utf-8", "headers": {}}
    return json.dumps({**whole, "properties": {**properties, "body_encoding": "base64"}, **parts}).encode()


@pytest.fixture
def taking() -> Iterator[tuple[Any, list[Any]]]:
    """A consumer of a queue, and the bodies that it has taken."""
    broker.survive_loss()
    bodies: list[Any] = []

    def take(body: Any, message: Any) -> None:
        if body == "a fault of the consumer":
            raise TypeError(body)
        bodies.append(body)
        message.ack()

    with Connection(settings.CELERY_BROKER_URL) as connection:
        queue = Queue("taken", channel=connection.default_channel)
        queue.declare()
        with connection.Consumer(queue, callbacks=[take], accept=["json"]) as consumer:
            yield consumer, bodies
        queue.delete()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"junk",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        message_with(properties=7),
        message_with(properties={"delivery_tag": ["1"], "delivery_info": {"exchange": "", "routing_key": "taken"}}),
        message_with(properties={"delivery_tag": "1", "delivery_info": "x"}),
        message_with(properties={"delivery_tag": "1", "delivery_info": {}}),
        message_with(headers=[1]),
        message_with(body=7),
        message_with(body=7, properties={"delivery_tag": "1", "delivery_info": {"exchange": "", "routing_key": "t"}}),
    ],
)
def test_value_that_is_no_message_is_dropped_and_the_next_one_is_taken(
    taking: tuple[Any, list[Any]], value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    consumer, bodies = taking
    channel = consumer.channel
    channel.client.lpush("taken", value)
    channel.client.lpush("taken", message_with())
    while not bodies:
        consumer.connection.drain_events(timeout=20)
    assert bodies == ["right"]
    assert not channel.client.exists(channel.unacked_key)
    assert [record for record in caplog.records if "message_unreadable" in record.getMessage()]


def test_error_of_the_consumer_itself_is_raised(taking: tuple[Any, list[Any]]) -> None:
    consumer, _ = taking
    body = base64.b64encode(b'"a fault of the consumer"').decode()
    consumer.channel.client.lpush("taken", message_with(body=body))
    with pytest.raises(TypeError, match="a fault of the consumer"):
        consumer.connection.drain_events(timeout=20)
    consumer.channel.qos.restore_at_shutdown = False


def test_pauses_between_tries_to_reach_the_broker_stay_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a worker, of beat and of those who send, which all ask as Celery does."""
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda seconds: None)
    app = Celery("away", broker=f"redis+socket://{tmp_path}/nobody.sock", set_as_current=False)
    broker.return_promptly(app)
    broker.return_promptly(app)
    pauses: list[float] = []
    connection = app.connection_for_read()
    with pytest.raises(OperationalError):
        connection.ensure_connection(lambda error, pause: pauses.append(pause), 20)
    assert len(pauses) == 20
    assert max(pauses) == broker.LONGEST_PAUSE
