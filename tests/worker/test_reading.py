"""What a worker of a product's own Celery application does with what it cannot make a task of."""

import base64
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.concurrency.solo import TaskPool
from celery.worker import state
from celery.worker.consumer import Consumer
from celery.worker.request import Request
from django.conf import settings
from kombu.asynchronous.timer import Timer
from kombu.transport import redis as transport

from worker import broker
from worker.operations import joining

QUEUE = "products"
SECRET = "hunter2"


class Channel(transport.Channel):
    """That of a product which has one of its own."""


def theirs(what: str) -> None:
    """A task of the product."""


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The consumer of a worker of a product, as Celery starts it, and the names of the tasks that it has taken."""
    monkeypatch.setattr(transport.Transport, "Channel", Channel)
    monkeypatch.setattr(transport.SentinelTransport, "Channel", transport.SentinelChannel)
    app = Celery("product", broker=settings.CELERY_BROKER_URL, set_as_current=False)
    app.conf.update(broker_transport_options=settings.CELERY_BROKER_TRANSPORT_OPTIONS, task_default_queue=QUEUE)
    app.task(name="theirs", shared=False)(theirs)
    joining._survive_faults_of_kombu(SimpleNamespace(app=app))
    names: list[str] = []

    def take(request: Request) -> None:
        names.append(str(request.name))
        request.acknowledge()

    controller = SimpleNamespace(concurrency=1, use_eventloop=False, state=state)
    consumer = Consumer(
        take, app=app, hostname="worker@alpha", timer=Timer(), controller=controller, pool=TaskPool(app=app)
    )
    with app.connection_for_read() as connection:
        tasks = app.amqp.TaskConsumer(connection.default_channel, on_decode_error=consumer.on_decode_error)
        consumer.update_strategies()
        tasks.on_message = consumer.create_task_handler()
        with tasks:
            yield SimpleNamespace(connection=connection, channel=tasks.channel, app=app, names=names)
            tasks.purge()


def message_with(**parts: Any) -> bytes:
    """A message of the task ``theirs`` as Celery sends it, with other ``parts``."""
    headers = {"task": "theirs", "id": "1", "root_id": "1", "argsrepr": f"({SECRET!r},)", "kwargsrepr": "{}"}
    properties = {"delivery_tag": "1", "delivery_info": {"exchange": "", "routing_key": QUEUE}}
    body = base64.b64encode(json.dumps([[SECRET], {}, {}]).encode()).decode()
    whole = {"body": body, "content-type": "application/json", "content-encoding": "utf-8", "headers": headers}
    return json.dumps({**whole, "properties": {**properties, "body_encoding": "base64"}, **parts}).encode()


HEADERS: dict[str, Any] = json.loads(message_with())["headers"]


@pytest.mark.parametrize(
    "value",
    [b"junk", message_with(headers={"task": ["theirs"], "id": "1"})],
    ids=["no message", "not its form for Celery"],
)
def test_value_that_is_no_message_ends_no_worker_of_a_product(
    worker: Any, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    worker.channel.client.lpush(QUEUE, value)
    worker.channel.client.lpush(QUEUE, message_with())
    while not worker.names:
        worker.connection.drain_events(timeout=20)
    assert worker.names == ["theirs"]
    assert not worker.channel.client.exists(worker.channel.unacked_key)
    assert [record for record in caplog.records if "message_unreadable" in record.getMessage()]


def test_channel_of_a_product_stays_the_base(worker: Any) -> None:
    first = transport.Transport.Channel
    broker.survive_loss()
    assert transport.Transport.Channel is first
    assert isinstance(worker.channel, Channel)
    assert issubclass(transport.SentinelTransport.Channel, transport.SentinelChannel)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (message_with(headers={**HEADERS, "task": "unknown"}), "unregistered task of type 'unknown'"),
        (message_with(headers={}), "unknown message"),
        (message_with(**{"content-type": "text/plain"}), "untrusted content"),
        (message_with(headers={**HEADERS, "eta": "never"}), "invalid task message"),
        (message_with(body=base64.b64encode(b"\xff" + SECRET.encode()).decode()), "decode message body"),
    ],
    ids=["unknown task", "no task", "other type", "invalid", "unreadable"],
)
def test_log_leaves_out_what_a_dropped_message_says(
    worker: Any, value: bytes, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker.channel.client.lpush(QUEUE, value)
    with caplog.at_level(logging.DEBUG):
        while not caplog.records:
            worker.connection.drain_events(timeout=20)
    assert said in caplog.text
    assert SECRET not in caplog.text
