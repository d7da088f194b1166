"""Loops: they go on after failures, end in time, and can be woken."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import structlog
from django.db import OperationalError
from prometheus_client import REGISTRY

from hub.concurrency import background
from hub.concurrency.background import Background, backoff
from hub.concurrency.tasks import Tasks, stop
from hub.ops import gauges  # noqa: F401  # counts failures
from lab.harness.waiting import await_for


class Steps:
    """A step that remembers when it was taken, and does what it is told."""

    def __init__(self, *results: float | BaseException | Callable[[], Awaitable[float | None]] | None) -> None:
        self.taken: list[float] = []
        self._results = list(results)

    async def __call__(self) -> float | None:
        self.taken.append(asyncio.get_running_loop().time())
        result = self._results.pop(0) if len(self._results) > 1 else self._results[0]
        if isinstance(result, BaseException):
            raise result
        return await result() if callable(result) else result

    async def wait_for(self, number: int) -> None:
        await await_for(lambda: len(self.taken) >= number, that=f"{number} steps are taken")


def loop_of(step: Any, **options: Any) -> Background:
    return Background("test", step, **{"event": "test_failed", "retry": lambda failures: 0.01, **options})


def failures() -> float:
    return REGISTRY.get_sample_value("hub_loop_failures_total", {"loop": "test"}) or 0.0


async def turns() -> None:
    """As many turns of the loop as a further step would take, and more."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_step_is_repeated_after_the_pause_that_it_returns() -> None:
    steps = Steps(0.05)
    loop = loop_of(steps)
    assert not loop.is_running
    loop.wake()
    await steps.wait_for(3)
    await loop.close()
    assert all(later - earlier >= 0.045 for earlier, later in zip(steps.taken, steps.taken[1:], strict=False))


async def test_task_has_the_name_of_the_loop() -> None:
    steps = Steps(60.0)
    loop = loop_of(steps)
    loop.wake()
    assert "test" in {task.get_name() for task in asyncio.all_tasks()}
    await loop.close()


async def test_step_without_a_pause_lets_others_run() -> None:
    steps = Steps(0.0)
    loop = loop_of(steps)
    loop.wake()
    async with asyncio.timeout(20):
        for _ in range(100):
            await asyncio.sleep(0)
    await loop.close()
    assert len(steps.taken) >= 50


async def test_loop_with_nothing_to_do_has_no_task_until_it_is_woken() -> None:
    steps = Steps(None)
    loop = loop_of(steps)
    loop.wake()
    await await_for(lambda: not loop.is_running, that="it has ended")
    assert len(steps.taken) == 1
    loop.wake()
    await steps.wait_for(2)
    await await_for(lambda: not loop.is_running, that="it has ended again")
    await loop.close()


async def test_wake_ends_a_pause() -> None:
    steps = Steps(60.0)
    loop = loop_of(steps)
    loop.wake()
    await steps.wait_for(1)
    loop.wake()
    await steps.wait_for(2)
    await loop.close()


@pytest.mark.parametrize("pause", [None, 60.0])
async def test_wake_during_a_step_has_another_one_follow(pause: float | None) -> None:
    goes_on = asyncio.Event()

    async def wait() -> float | None:
        await goes_on.wait()
        return pause

    steps = Steps(wait)
    loop = loop_of(steps)
    loop.wake()
    await steps.wait_for(1)
    for _ in range(3):
        loop.wake()
    goes_on.set()
    await steps.wait_for(2)
    await turns()
    assert len(steps.taken) == 2, "three wakes during one step are one further step"
    await loop.close()


async def test_step_that_wakes_its_own_loop_lets_others_run() -> None:
    async def again() -> float | None:
        loop.wake()
        return None

    steps = Steps(again)
    loop = loop_of(steps)
    loop.wake()
    async with asyncio.timeout(20):
        for _ in range(100):
            await asyncio.sleep(0)
    await loop.close()
    assert len(steps.taken) >= 50


async def test_failure_is_counted_each_time_and_logged_once_for_each_kind_until_a_step_succeeds() -> None:
    steps = Steps(ValueError("a"), ValueError("b"), KeyError("c"), ValueError("d"), 0.0, ValueError("e"), 60.0)
    loop, before = loop_of(steps), failures()
    with structlog.testing.capture_logs() as lines:
        loop.wake()
        await steps.wait_for(7)
        await loop.close()
    assert failures() - before == 5
    assert [line["error"] for line in lines] == ["ValueError", "KeyError", "ValueError"]
    assert {(line["event"], line["loop"], line["log_level"]) for line in lines} == {("test_failed", "test", "error")}
    assert all(isinstance(line["exc_info"], (ValueError, KeyError)) for line in lines)


async def test_expected_failures_and_an_unavailable_database_are_warnings_without_traceback() -> None:
    steps = Steps(LookupError(), OperationalError(), 60.0)
    loop = loop_of(steps, expected=(LookupError,))
    with structlog.testing.capture_logs() as lines:
        loop.wake()
        await steps.wait_for(3)
        await loop.close()
    assert [line["log_level"] for line in lines] == ["warning", "warning"]
    assert not any("exc_info" in line for line in lines)


async def test_failures_in_a_row_are_retried_later_and_later_and_a_success_begins_anew() -> None:
    asked: list[int] = []

    def retry(failures: int) -> float:
        asked.append(failures)
        return 0.0

    steps = Steps(ValueError(), ValueError(), ValueError(), 0.0, ValueError(), 60.0)
    loop = loop_of(steps, retry=retry)
    loop.wake()
    await steps.wait_for(6)
    await loop.close()
    assert asked == [1, 2, 3, 1]


def test_backoff_doubles_up_to_its_longest() -> None:
    pause = backoff(1.0, 5.0)
    for failures, about in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 5.0), (5000, 5.0)):
        assert all(about / 2 <= pause(failures) <= about * 1.5 for _ in range(20))


async def test_wake_does_not_shorten_the_pause_after_a_failure() -> None:
    steps = Steps(ValueError())
    loop = loop_of(steps, retry=lambda failures: 0.2)
    loop.wake()
    await steps.wait_for(1)
    for _ in range(10):
        loop.wake()
        await asyncio.sleep(0)
    await steps.wait_for(2)
    assert steps.taken[1] - steps.taken[0] > 0.19
    await loop.close()


async def test_cancellation_of_what_a_step_waits_for_is_a_failure_like_any_other() -> None:
    async def wait_for_cancelled() -> float | None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future
        return None

    steps = Steps(wait_for_cancelled, 60.0)
    loop = loop_of(steps)
    loop.wake()
    await steps.wait_for(2)
    assert loop.is_running
    await loop.close()


async def test_close_ends_the_step_under_way_and_nothing_starts_again() -> None:
    ended: list[str] = []

    async def wait() -> float | None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("step")
        return None

    steps = Steps(wait)
    loop = loop_of(steps)
    loop.wake()
    await steps.wait_for(1)
    await loop.close()
    assert ended == ["step"]
    loop.wake()
    await turns()
    assert not loop.is_running
    assert len(steps.taken) == 1
    await loop.close()


async def test_close_of_a_loop_that_never_ran() -> None:
    loop = loop_of(Steps(None))
    await loop.close()


async def test_cancel_stops_without_waiting() -> None:
    steps = Steps(60.0)
    loop = loop_of(steps)
    loop.wake()
    await steps.wait_for(1)
    loop.cancel()
    await await_for(lambda: not loop.is_running, that="it has ended")
    loop.wake()
    assert not loop.is_running


async def test_step_may_close_its_own_loop() -> None:
    async def close() -> float | None:
        await loop.close()
        return 0.0

    steps = Steps(close)
    loop = loop_of(steps)
    loop.wake()
    await await_for(lambda: not loop.is_running, that="it has ended")
    assert len(steps.taken) == 1


@pytest.mark.parametrize("raises", [False, True])
async def test_cancellation_that_a_library_swallows_ends_the_loop_all_the_same(raises: bool) -> None:
    async def swallow() -> float | None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if raises:
                raise TimeoutError from None
        return 60.0

    steps = Steps(swallow)
    loop, before = loop_of(steps), failures()
    loop.wake()
    await steps.wait_for(1)
    await loop.close()
    assert not loop.is_running
    assert len(steps.taken) == 1
    assert failures() == before, "an error that comes of closing is no failure"


async def test_step_that_goes_on_after_it_swallowed_a_cancellation_is_cancelled_again() -> None:
    async def swallow_and_go_on() -> float | None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)
        return None

    steps = Steps(swallow_and_go_on)
    loop = loop_of(steps)
    loop.wake()
    await steps.wait_for(1)
    await loop.close(within=0.2)
    assert not loop.is_running


async def test_close_gives_up_a_step_that_does_not_end_and_says_so() -> None:
    is_free = asyncio.Event()

    async def cling() -> float | None:
        while not is_free.is_set():
            try:
                await is_free.wait()
            except asyncio.CancelledError:
                continue
        return None

    steps = Steps(cling)
    loop = loop_of(steps)
    loop.wake()
    await steps.wait_for(1)
    with structlog.testing.capture_logs() as lines:
        async with asyncio.timeout(20):
            await loop.close(within=0.05)
    assert [(line["event"], line["tasks"]) for line in lines] == [("tasks_not_stopped", ["test"])]
    is_free.set()
    await await_for(lambda: not loop.is_running, that="it has ended at last")


async def test_each_failure_is_told_to_who_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(background, "_on_failure", [])
    background.on_failure(told.append)
    steps = Steps(ValueError(), ValueError(), 60.0)
    loop = loop_of(steps)
    loop.wake()
    await steps.wait_for(3)
    await loop.close()
    assert told == ["test", "test"]


async def test_tasks_of_a_part_end_with_it() -> None:
    tasks, done = Tasks(), []

    async def work(seconds: float) -> None:
        await asyncio.sleep(seconds)
        done.append(seconds)

    quick, slow = tasks.start(work(0.0)), tasks.start(work(60.0))
    await quick
    await tasks.close()
    assert done == [0.0]
    assert slow.cancelled()
    await tasks.close()


async def test_stop_does_not_wait_for_the_task_that_calls_it() -> None:
    task = asyncio.current_task()
    assert task is not None
    async with asyncio.timeout(20):
        await stop([task])
