"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.1

#: Looks before giving up, however late it is: a busy machine may let this process stand still for seconds, and what
#: it waits for with it.
LOOKS = 10


def wait_for(condition: Callable[[], T], *, timeout: float = 20.0, that: str = "") -> T:
    """Call ``condition`` until what it returns is true, and return that.

    Raises ``AssertionError`` after ``timeout`` seconds; it says ``that`` (what was waited for) and the last value.
    """
    deadline = time.monotonic() + timeout
    pause, looks = FIRST_PAUSE, 1
    while not (value := condition()):
        if looks >= LOOKS and time.monotonic() > deadline:
            raise AssertionError(_late(condition, that, timeout, value))
        looks += 1
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return value


async def await_for(condition: Callable[[], Any], *, timeout: float = 20.0, that: str = "") -> Any:
    """The same for async code: ``condition`` may be a plain or an async function, and the event loop runs on."""
    deadline = time.monotonic() + timeout
    pause, looks = FIRST_PAUSE, 1
    while True:
        result = condition()
        value = await result if inspect.isawaitable(result) else result
        if value:
            return value
        if looks >= LOOKS and time.monotonic() > deadline:
            raise AssertionError(_late(condition, that, timeout, value))
        looks += 1
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _late(condition: Callable[[], object], that: str, timeout: float, value: object) -> str:
    return f"Not within {timeout:g} s: {that or getattr(condition, '__qualname__', condition)}; last value: {value!r}"
