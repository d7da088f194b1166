"""Blocking work in a thread that neither queues behind other work nor keeps the process from ending."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_daemon_thread(function: Callable[[], T], *, name: str) -> "asyncio.Future[T]":
    """Start ``function`` in a thread of its own; the future has its result or error.

    For the few calls that may hang where hanging must hurt nobody else, such as a first word with a database.
    Usually this is NOT what you need: ``hub.database.threads.in_database_thread`` keeps its connections.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def succeed(result: T) -> None:
        if not future.done():
            future.set_result(result)

    def fail(error: BaseException) -> None:
        if not future.done():
            future.set_exception(error)
            future.exception()  # counts as seen, even where everyone who waited has given up

    def work() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001  # whatever it is, the one who waits has to hear it
                loop.call_soon_threadsafe(fail, error)
            else:
                loop.call_soon_threadsafe(succeed, result)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future
