import asyncio

import pytest
from django.db import OperationalError

from hub.concurrency import batcher as batchers
from hub.concurrency.batcher import Batcher, TookTooLong


class Loader:
    """Loads the length of each key, and remembers the batches; it waits until ``open`` is set."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def __call__(self, keys: list[str]) -> dict[str, int]:
        self.batches.append(keys)
        await self.open.wait()
        if self.error:
            raise self.error
        return {key: len(key) for key in keys}


async def test_what_is_asked_for_in_one_turn_is_loaded_together_and_each_key_once() -> None:
    loader = Loader()
    batcher = Batcher(loader)
    assert await asyncio.gather(*map(batcher.get, ["a", "bb", "a", "ccc"])) == [1, 2, 1, 3]
    assert loader.batches == [["a", "bb", "ccc"]]


async def test_what_comes_while_a_batch_is_under_way_is_the_next_one() -> None:
    loader = Loader()
    loader.open.clear()
    batcher = Batcher(loader)
    first = asyncio.create_task(batcher.get("a"))
    while not loader.batches:
        await asyncio.sleep(0)
    # "a" once more: what was loaded before this call began may be too old.
    others = [asyncio.create_task(batcher.get(key)) for key in ("bb", "a")]
    await asyncio.sleep(0)
    loader.open.set()
    assert await asyncio.gather(first, *others) == [1, 2, 1]
    assert loader.batches == [["a"], ["bb", "a"]]


async def test_a_batch_has_a_limit() -> None:
    loader = Loader()
    batcher = Batcher(loader, limit=2)
    await asyncio.gather(*map(batcher.get, "abcde"))
    assert [len(batch) for batch in loader.batches] == [2, 2, 1]


async def test_batch_that_met_another_transaction_is_tried_again_in_parts() -> None:
    class Deadlock(Exception):
        sqlstate = "40P01"

    loaded: list[list[str]] = []

    async def load(keys: list[str]) -> dict[str, int]:
        loaded.append(keys)
        if len(loaded) == 1:
            raise OperationalError from Deadlock()
        return {key: len(key) for key in keys}

    batcher = Batcher(load)
    assert await asyncio.gather(*map(batcher.get, ["a", "bb"])) == [1, 2]
    assert loaded == [["a", "bb"], ["a"], ["bb"]]


async def test_an_error_is_everyones_and_the_next_batch_is_tried_anew() -> None:
    loader = Loader()
    batcher = Batcher(loader)
    loader.error = ConnectionError("away")
    results = await asyncio.gather(*map(batcher.get, "ab"), return_exceptions=True)
    assert results == [loader.error, loader.error]
    loader.error = None
    assert await batcher.get("a") == 1


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    loader = Loader()
    loader.open.clear()
    batcher = Batcher(loader)
    impatient, patient = asyncio.create_task(batcher.get("a")), asyncio.create_task(batcher.get("a"))
    while not loader.batches:
        await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    loader.open.set()
    assert await patient == 1


def test_it_serves_the_next_event_loop_too() -> None:
    async def load(keys: list[str]) -> dict[str, int]:
        return {key: len(key) for key in keys}

    batcher = Batcher(load)
    assert asyncio.run(batcher.get("a")) == 1
    assert asyncio.run(batcher.get("bb")) == 2


@pytest.mark.slow
async def test_a_busy_batcher_waits_a_moment_for_more_and_an_idle_one_does_not() -> None:
    loader = Loader()
    async with asyncio.timeout(20):
        await Batcher(loader, pause=30).get("a")
    batcher = Batcher(loader, pause=0.5)
    loader.open.clear()
    asking = [asyncio.create_task(batcher.get("a"))]
    while len(loader.batches) < 2:
        await asyncio.sleep(0)
    asking.append(asyncio.create_task(batcher.get("bb")))
    await asyncio.sleep(0)
    loader.open.set()
    assert await asking[0] == 1
    asking.append(asyncio.create_task(batcher.get("ccc")))  # it comes after the load, and is in time for the next
    assert await asyncio.gather(*asking) == [1, 2, 3]
    assert loader.batches == [["a"], ["a"], ["bb", "ccc"]]


async def test_a_full_batch_waits_for_nothing() -> None:
    loader = Loader()
    batcher = Batcher(loader, limit=2, pause=30)
    async with asyncio.timeout(20):
        await asyncio.gather(*map(batcher.get, "abcdef"))
    assert [len(batch) for batch in loader.batches] == [2, 2, 2]


async def test_many_keys_are_asked_for_together_and_answered_in_their_order() -> None:
    loader = Loader()
    assert await Batcher(loader).get_many(["bb", "a", "bb"]) == [2, 1, 2]
    assert loader.batches == [["bb", "a"]]


async def test_one_who_gives_up_on_many_takes_nothing_from_the_others() -> None:
    loader = Loader()
    loader.open.clear()
    batcher = Batcher(loader)
    impatient, patient = asyncio.create_task(batcher.get_many("ab")), asyncio.create_task(batcher.get_many("bc"))
    while not loader.batches:
        await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    loader.open.set()
    assert await patient == [1, 1]


async def test_an_error_of_many_is_raised_once() -> None:
    loader = Loader()
    loader.error = ConnectionError("away")
    with pytest.raises(ConnectionError):
        await Batcher(loader, limit=1).get_many("abc")


async def test_load_that_is_cancelled_leaves_nobody_waiting() -> None:
    is_loading, is_over = asyncio.Event(), asyncio.Event()

    async def load(keys: list[str]) -> dict[str, int]:
        if keys != ["a"]:
            return {key: len(key) for key in keys}
        is_loading.set()
        await is_over.wait()
        raise asyncio.CancelledError  # of something that it waited for

    batcher = Batcher(load)
    asking = [asyncio.create_task(batcher.get("a"))]
    await is_loading.wait()
    asking.append(asyncio.create_task(batcher.get("bb")))
    await asyncio.sleep(0)
    is_over.set()
    _, waiting = await asyncio.wait(asking, timeout=20)
    assert not waiting
    assert [one.cancelled() for one in asking] == [True, True]
    assert await batcher.get("ccc") == 3


async def test_what_never_answers_is_given_up_and_the_next_batch_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batchers, "LONGEST", 0.01)
    loader = Loader()
    batcher = Batcher(loader)
    loader.open.clear()
    async with asyncio.timeout(20):
        results = await asyncio.gather(*map(batcher.get, "ab"), return_exceptions=True)
        assert [type(result) for result in results] == [TookTooLong, TookTooLong]
        loader.open.set()
        monkeypatch.setattr(batchers, "LONGEST", 20)
        assert await batcher.get("ccc") == 3


async def test_halves_that_are_loaded_again_share_the_time_of_their_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batchers, "LONGEST", 0.05)
    asked: list[list[str]] = []

    async def load(keys: list[str]) -> dict[str, int]:
        asked.append(keys)
        if len(keys) == 1:
            await asyncio.Event().wait()
        raise LookupError

    async with asyncio.timeout(20):
        results = await asyncio.gather(*map(Batcher(load).get, "abcd"), return_exceptions=True)
    assert [type(result) for result in results] == [TookTooLong] * 4
    assert asked == [["a", "b", "c", "d"], ["a", "b"], ["a"]]
