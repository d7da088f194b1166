"""Backend code of the stock Channels application: it sends to groups of the layer."""

import asyncio
import time
from typing import Any

import django

from lab.bench.frames import message
from lab.bench.processes import answer_commands

django.setup()

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

layer: Any = get_channel_layer()
#: One loop for the whole process, so that its connection to Redis stays: better than stock.
loop = asyncio.new_event_loop()


async def _send(group: str, text: str, count: int) -> None:
    for _ in range(count):
        await layer.group_send(f"alerts_{group}", {"type": "alert.message", "message": text})


def ready() -> None:
    """Connect to Redis."""
    loop.run_until_complete(_send("nobody", "", 1))


def burst(count: int, size: int) -> dict[str, int]:
    """``count`` messages to all, one after the other, on a connection that is kept."""
    text = message(size)
    began = time.monotonic_ns()
    loop.run_until_complete(_send("all", text, count))
    return {"began": began, "ended": time.monotonic_ns()}


def one(size: int) -> dict[str, int]:
    """One message to all."""
    return burst(1, size)


def personal(groups: list[str], size: int) -> dict[str, int]:
    """One message to each group, from synchronous code as a task would send it."""
    text = message(size)
    began = time.monotonic_ns()
    for group in groups:
        async_to_sync(layer.group_send)(f"alerts_{group}", {"type": "alert.message", "message": text})
    return {"began": began, "ended": time.monotonic_ns()}


def from_task(size: int) -> dict[str, int]:
    """One message to all, as the body of a task sends it."""
    return personal(["all"], size)


def costs(calls: int) -> dict[str, float]:
    """Milliseconds per ``async_to_sync(group_send)``."""
    began = time.monotonic_ns()
    personal(["all"] * calls, 100)
    return {"async_to_sync(group_send)": (time.monotonic_ns() - began) / calls / 1e6}


if __name__ == "__main__":
    answer_commands({command.__name__: command for command in (ready, burst, one, personal, from_task, costs)})
