"""Gauges: the length of queues, and how late the event loop is."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from hub.ops import gauges
from lab.harness.waiting import await_for


@pytest.fixture(autouse=True)
async def look_ends_with_the_test() -> AsyncIterator[None]:
    yield
    await gauges.current.close()
    gauges._queues.pop("test", None)


def await_reading() -> None:
    """The thread that reads the stats has ended."""
    for thread in threading.enumerate():
        if thread.name == "hub-stats":
            thread.join(30)


def waiting() -> float | None:
    return REGISTRY.get_sample_value("hub_waiting", {"queue": "test"})


@pytest.mark.slow
async def test_the_length_of_a_queue_is_shown_while_somebody_looks() -> None:
    queue = [1, 2, 3]
    gauges.queue("test", lambda: len(queue))
    gauges.current()
    await await_for(lambda: waiting() == 3, that="three are seen")
    queue.clear()
    await await_for(lambda: waiting() == 0, that="none are seen")
    queue.append(1)
    await await_for(lambda: waiting() == 1, that="one is seen")
    await gauges.current.close()
    assert waiting() == 0


@pytest.mark.slow
async def test_tasks_are_counted_while_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def tasks() -> float:
        return REGISTRY.get_sample_value("hub_tasks") or 0

    monkeypatch.setattr(gauges, "TASKS_EVERY", 1)
    gauges.current()
    await await_for(lambda: tasks() > 0, that="those of this test are counted")
    before = tasks()
    waiting = [asyncio.create_task(asyncio.sleep(60)) for _ in range(50)]
    await await_for(lambda: tasks() >= before + 50, that="fifty more are seen")
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    await await_for(lambda: tasks() < before + 50, that="they are gone")
    await gauges.current.close()
    assert tasks() == 0


@pytest.mark.slow
async def test_a_loop_that_is_held_up_is_seen_to_be_late() -> None:
    def late() -> float:
        within = REGISTRY.get_sample_value("hub_loop_late_seconds_bucket", {"le": "0.1"}) or 0
        return (REGISTRY.get_sample_value("hub_loop_late_seconds_count") or 0) - within

    gauges.current()
    before = late()
    looks = REGISTRY.get_sample_value("hub_loop_late_seconds_count") or 0
    await await_for(
        lambda: (REGISTRY.get_sample_value("hub_loop_late_seconds_count") or 0) > looks, that="it has looked once"
    )
    time.sleep(gauges.INTERVAL + 0.2)  # what nobody must do on an event loop
    await await_for(lambda: late() > before, that="the delay is counted")


@pytest.mark.slow
def test_figures_that_do_not_come_hold_up_the_metrics_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "STATS_TIMEOUT", 2.0)
    calls, answers = [], threading.Event()

    def hang() -> None:
        calls.append(1)
        answers.wait(30)

    def fail() -> None:
        raise OSError("no database")

    monkeypatch.setattr(gauges, "_stats", [fail])
    gauges.read_stats()
    monkeypatch.setattr(gauges, "_stats", [hang])
    began = time.monotonic()
    for _ in range(3):
        gauges.read_stats()
    assert time.monotonic() - began < 3 * gauges.STATS_TIMEOUT
    assert calls == [1]
    answers.set()
    await_reading()
    gauges.read_stats()
    assert calls == [1, 1]


@pytest.mark.slow
def test_figures_are_read_once_for_two_who_ask_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    asked = threading.Event()

    def read() -> None:
        calls.append(1)
        asked.wait(30)

    monkeypatch.setattr(gauges, "_stats", [read])
    monkeypatch.setattr(gauges, "_reading", None)
    both, errors = threading.Barrier(2), []

    class Slow(threading.Thread):
        def start(self) -> None:
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(0.5)  # where nothing keeps the other one from coming as far as this, both go on
            super().start()

    def ask() -> None:
        try:
            gauges.read_stats()
        except RuntimeError as error:
            errors.append(error)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    monkeypatch.setattr(threading, "Thread", Slow)
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(30)
    asked.set()
    await_reading()
    assert not errors
    assert calls == [1]
