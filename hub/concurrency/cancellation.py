"""Whether the running task is to end."""

import asyncio


def is_wanted() -> bool:
    """Whether the running task was not cancelled. For loops that run for ever around library calls.

    redis-py turns a cancellation that comes in the middle of a command into a time-out now and then; a loop that goes
    on after that would never end, and whoever waits for it neither.
    """
    task = asyncio.current_task()
    return task is None or not task.cancelling()
