"""``hub.database.batched``: what many ask of the database at the same time is one query, from a database thread."""

import asyncio
import threading

import pytest
from pytest_django.fixtures import Settings

from hub.concurrency import batcher
from hub.concurrency.batcher import TookTooLong
from hub.database import batched, batches, threads
from hub.database.threads import in_database_thread
from lab.harness.waiting import await_for


async def test_those_who_ask_at_the_same_time_share_a_query() -> None:
    asked: list[list[int]] = []

    def squares(numbers: list[int]) -> dict[int, int]:
        asked.append(numbers)
        assert threading.current_thread() is not threading.main_thread()
        return {number: number**2 for number in numbers}

    square = batched(squares)
    assert await asyncio.gather(*map(square.get, range(5))) == [0, 1, 4, 9, 16]
    assert asked == [[0, 1, 2, 3, 4]]


async def test_error_is_of_the_key_at_fault_alone() -> None:
    def halves(numbers: list[int]) -> dict[int, int]:
        if any(number % 2 for number in numbers):
            raise ValueError("odd")
        return {number: number // 2 for number in numbers}

    half = batched(halves, limit=3)
    found = await asyncio.gather(*map(half.get, (2, 3, 4, 6, 8)), return_exceptions=True)
    assert [isinstance(one, ValueError) for one in found] == [False, True, False, False, False]
    with pytest.raises(ValueError, match="odd"):
        await half.get(5)


async def test_queries_that_hang_take_half_of_the_threads_and_no_more(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.HUB_DATABASE_THREADS = 4
    for module in (batcher, batches):
        monkeypatch.setattr(module, "LONGEST", 0.05)
    ends, asked = threading.Event(), list[str]()

    def hang(keys: list[str]) -> dict[str, str]:
        asked.extend(keys)
        ends.wait(60)
        return {}

    hanging = batched(hang)
    try:
        async with asyncio.timeout(30):
            for key in "abcd":
                with pytest.raises(TookTooLong):
                    await hanging.get(key)
                # A thread begins a moment after the time of its batch does.
                await await_for(lambda: threads.hanging(0.05) >= len(asked), that="the threads count as hanging")
            assert asked == ["a", "b"]
            assert await in_database_thread(lambda: "there is room") == "there is room"
    finally:
        ends.set()
    await await_for(lambda: not threads.hanging(0.05), that="no thread hangs")
    async with asyncio.timeout(30):
        monkeypatch.setattr(batcher, "LONGEST", 20)
        with pytest.raises(KeyError):
            await hanging.get("e")
    assert asked == ["a", "b", "e"]
