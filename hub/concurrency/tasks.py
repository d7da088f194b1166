"""The short tasks of one part, and ending tasks in bounded time."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from hub.logs import get_logger

log = get_logger(__name__)

T = TypeVar("T")

#: Seconds that cancelled tasks get to end.
CLOSE_TIMEOUT = 2.0


async def stop(tasks: Iterable[asyncio.Task[Any]], within: float = CLOSE_TIMEOUT) -> None:
    """Cancel ``tasks``, and wait until they have ended, ``within`` seconds at most.

    redis-py turns a cancellation that comes in the middle of a command into a time-out now and then, and the task goes
    on. So a task that still runs after half of the time is cancelled once more.
    """
    running = {task for task in tasks if not task.done() and task is not asyncio.current_task()}
    for _ in range(2):
        for task in running:
            task.cancel()
        if running:
            _, running = await asyncio.wait(running, timeout=within / 2)
    if running:
        log.warning("tasks_not_stopped", tasks=sorted(task.get_name() for task in running))


def failure_of(task: asyncio.Task[Any]) -> BaseException | None:
    """Why a task that has ended has no result; None where it has one.

    Also where something that it waited for was cancelled, which ends it as if somebody had cancelled it.
    """
    return asyncio.CancelledError() if task.cancelled() else task.exception()


class Tasks:
    """Holds the tasks that a part has started until they are done, so that they end with the part."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run ``coroutine`` as a task of the running event loop."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def run(self, coroutines: Iterable[Coroutine[Any, Any, T]], within: float) -> list[asyncio.Task[T]]:
        """Run ``coroutines`` at the same time; returns their tasks when all have ended, or after ``within`` seconds.

        For what an app may have a hand in: one that never ends goes on by itself, and holds up nobody.
        """
        tasks = [self.start(coroutine) for coroutine in coroutines]
        if tasks:
            await asyncio.wait(tasks, timeout=within)
        return tasks

    async def close(self) -> None:
        """Cancel the tasks under way, as :func:`stop` does."""
        await stop(self._tasks)
