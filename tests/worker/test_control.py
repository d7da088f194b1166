"""The part of a worker that obeys pause and drain: what it holds, and that it goes on whatever fails."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from celery.worker import state
from celery.worker.request import Request
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, transaction
from kombu.asynchronous.timer import Timer
from redis import ConnectionError as RedisAway

from lab.harness.waiting import wait_for
from tests.worker.running import take
from tests.worker.tracked_tasks import import_customers
from worker.celery import app
from worker.operations import control, pausing, reports, snapshot
from worker.operations.control import Control

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("nothing_ran"),
]


def consumer() -> Any:
    """What a control looks at of a worker that reads one queue."""
    queues = SimpleNamespace(consume_from={"default": None}, deselect=lambda name: None)
    return SimpleNamespace(
        app=SimpleNamespace(amqp=SimpleNamespace(queues=queues)),
        hostname="worker@alpha",
        controller=SimpleNamespace(concurrency=1),
        timer=Timer(),
        task_consumer=object(),
        hub=object(),
        pool=SimpleNamespace(maintain_pool=lambda: None),
    )


def request() -> Request:
    """A task that the worker has taken from the broker."""
    import_customers.delay(1)
    return Request(take(), app=app, task=import_customers)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("away"),
        InterfaceError("closed"),
        ImproperlyConfigured("odd"),
        UnicodeDecodeError("utf-8", b"", 0, 1, "odd"),
        RedisAway("away"),
        msgspec.ValidationError("odd"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_worker_hears_of_the_next_pause_whatever_failed_before(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failures = {"paused": 2, "write": 2}

    def failing(name: str, real: Any) -> Any:
        def call(*args: Any) -> Any:
            failures[name] -= 1
            if failures[name] >= 0:
                raise error
            return real(*args)

        return call

    monkeypatch.setattr(control, "INTERVAL", 0.01)
    monkeypatch.setattr(pausing, "paused", failing("paused", pausing.paused))
    monkeypatch.setattr(reports, "write", failing("write", reports.write))
    worker = consumer()
    part = Control(worker)
    part.start(worker)
    try:
        wait_for(lambda: [one.run for one in reports.read()] == [part.run], timeout=20, that="it reports")
        pausing.pause("default")
        wait_for(lambda: part._unwanted() == {"default"}, timeout=20, that="it hears of the pause")
    finally:
        part.shutdown(worker)
        assert part._thread is not None
        part._thread.join(20)
    assert reports.read() == []


def test_worker_asks_the_database_where_there_is_news_and_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    real = pausing.paused

    def paused() -> set[str]:
        looks.append("look")
        return real()

    monkeypatch.setattr(pausing, "paused", paused)
    part = Control(consumer())
    part._exchange()  # the first time it does not know what is new
    looks.clear()
    for _ in range(3):
        part._exchange()
    assert looks == []
    pausing.pause("default")
    part._exchange()
    assert (looks, part._unwanted()) == (["look"], {"default"})
    part._exchange()
    assert looks == ["look"]
    part._next_look = 0.0  # as after the time between two heartbeats
    part._exchange()
    assert looks == ["look"] * 2
    monkeypatch.setattr(reports, "write", lambda report: (_ for _ in ()).throw(RedisAway("away")))
    for _ in range(2):
        part._exchange()  # nobody could tell it anything
    assert looks == ["look"] * 4


def test_worker_that_could_not_ask_the_database_asks_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Control(consumer())
    part._exchange()
    pausing.pause("default")
    with monkeypatch.context() as away:
        away.setattr(pausing, "paused", lambda: (_ for _ in ()).throw(OperationalError("away")))
        part._exchange()
    assert part._unwanted() == set()
    part._exchange()
    assert part._unwanted() == {"default"}


def test_pause_that_is_rolled_back_is_told_to_nobody() -> None:
    part = Control(consumer())
    part._exchange()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        pausing.pause("default")
        raise ZeroDivisionError
    before = part._seen
    assert part._tell() == (True, before)


def test_each_turn_looks_for_children_that_have_ended_without_a_broker_too() -> None:
    looks = list[str]()
    worker = consumer()
    worker.pool.maintain_pool = lambda: looks.append("look")
    part = Control(worker)
    part.obey(worker)
    worker.task_consumer = None
    part.obey(worker)
    assert looks == ["look", "look"]
    worker.hub = None  # without an event loop a thread of the pool does so, and two at the same time start too many
    part.obey(worker)
    assert looks == ["look", "look"]


def test_drained_worker_has_not_finished_while_it_holds_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = consumer()
    part = Control(worker)
    begun, taken, later = request(), request(), request()
    monkeypatch.setattr(state, "active_requests", {begun})
    monkeypatch.setattr(state, "reserved_requests", {begun, taken})
    worker.timer.call_at(datetime.now(UTC).timestamp() + 60, print, (later,))
    part.is_drained = True
    worker.task_consumer = None
    part.obey(worker)
    report = part.report()
    assert (len(report.running), report.held) == (1, 2)
    monkeypatch.setattr(state, "active_requests", set())
    for held, is_empty in ((2, False), (0, True)):
        drained = snapshot.WorkerState(msgspec.structs.replace(report, held=held, running=()), is_drained=True)
        assert drained.is_empty is is_empty
